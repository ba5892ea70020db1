"""Articles of the help centre, as visitors find and read them."""

from pydantic import BaseModel

from chat.wire.tree import Tree


class ArticleLine(BaseModel):
    id: str
    title: str
    description: str


class ArticleList(BaseModel):
    """Of a search the best first, at most 20; without one the most read, at most 6."""

    articles: list[ArticleLine]


class ArticleView(ArticleLine):
    """text: a tree, as of a message. Pictures are left out, what describes them stays."""

    text: Tree

/** What the insert menu sends: one message of each rich kind, as contract §2.6 describes them. */

const picture = (name) => new URL(`sample/${name}.png`, import.meta.url).href;

export const SAMPLES = [
  {
    name: "Choices",
    hint: "one of three answers",
    fields: () => ({
      content: "How do you take your tea?",
      content_type: "input_select",
      content_attributes: {
        items: [
          { title: "Plain", value: "plain" },
          { title: "With milk", value: "milk" },
          { title: "With lemon", value: "lemon" },
        ],
      },
    }),
  },
  {
    name: "Cards",
    hint: "two products side by side",
    fields: () => ({
      content: "Two that go well together",
      content_type: "cards",
      content_attributes: {
        items: [card("leaf", "Spring leaf", "Light and grassy, 50 g"), card("cup", "Stone cup", "Holds 180 ml")],
      },
    }),
  },
  {
    name: "Form",
    hint: "e-mail, size and a note",
    fields: () => ({
      content: "Where may we write to you?",
      content_type: "form",
      content_attributes: {
        items: [
          { name: "email", type: "email", label: "E-mail", placeholder: "you@example.com", required: true },
          { name: "size", type: "select", label: "Size", options: [option("Small"), option("Large")] },
          { name: "note", type: "text_area", label: "Anything else", placeholder: "Optional" },
        ],
      },
    }),
  },
  {
    name: "Rating",
    hint: "five faces",
    fields: () => ({
      content: "How did we do?",
      content_type: "input_csat",
      content_attributes: { display_type: "emoji" },
    }),
  },
  {
    name: "Article",
    hint: "a link with a summary",
    fields: () => ({
      content: "This may help",
      content_type: "article",
      content_attributes: {
        items: [
          { title: "Brewing green tea", description: "Water, time and leaf.", link: "https://example.com/green-tea" },
        ],
      },
    }),
  },
];

function card(image, title, description) {
  const slug = title.toLowerCase().replaceAll(" ", "-");
  return {
    media_url: picture(image),
    title,
    description,
    actions: [
      { type: "link", text: "Look at it", uri: `https://example.com/${slug}` },
      { type: "postback", text: "I would like this", payload: slug },
    ],
  };
}

function option(label) {
  return { label, value: label.toLowerCase() };
}

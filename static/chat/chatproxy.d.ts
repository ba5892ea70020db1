/** What sdk.js puts on a page, for hosts that write TypeScript: copy this file, or refer to it. */

export type Theme = "light" | "dark" | "auto";
export type Mode = "launcher" | "inline" | "full";
export type EventName = keyof Events;

/** A token of your server's (docs/identity.md), or a function that fetches one whenever it is needed. */
export type Claim =
  | { token: string | (() => string | Promise<string>) }
  | { identifier: string | number; identifier_hash: string; token?: undefined };

/** `name`, `email`, `phone`, and whatever else agents shall read. Nothing of it counts as proof. null forgets. */
export type Attributes = Record<string, string | number | boolean | null>;

/** As attributes of the script tag with `data-` before them, or given to `start`. */
export interface Settings {
  inbox: string;
  /** `launcher` unless said otherwise; `inline`: inside `target`; `full`: the whole window. */
  mode?: Mode;
  /** A selector of where an inline chat belongs. */
  target?: string;
  /** `#rrggbb` or `#rgb`: the colour of the button. */
  accent?: string;
  locale?: string;
  theme?: Theme;
  /** The button sits where lines begin, or end. */
  position?: "start" | "end";
  /** A round button, or one that shows a word. */
  launcher?: "round" | "pill";
  /** Words of the server's, as JSON. */
  words?: string;
  /** No button until `show()`. */
  hidden?: string | boolean;
  labelWord?: string;
  label?: string;
  labelClose?: string;
  labelUnread?: string;
  labelLoading?: string;
  labelUnreachable?: string;
  /** Of the server, if it is not where the script came from. */
  origin?: string;
  /** More to say in the frame's address. */
  frame?: Record<string, string>;
  /** An element of yours that becomes the chat; it has no shadow root yet. */
  host?: HTMLElement;
}

export interface ChatMessage {
  id: string;
  conversation: string;
  /** `incoming` is from the visitor, `outgoing` from an agent. */
  direction: "incoming" | "outgoing";
  /** Milliseconds since 1970. */
  at: number;
  content_type: string;
  text: string;
  sender: string | null;
}

/** Codes of the server's ([docs/identity.md]), and: `unreachable`, `unavailable`, `closed`, `failed`, `superseded`, `destroyed`. */
export interface Trouble {
  code: string;
  message: string;
}

export interface Events {
  /** The frame has loaded, and again whenever it was loaded anew. */
  ready: undefined;
  open: undefined;
  close: undefined;
  /** How many messages of agents the visitor has not seen. */
  unread: number;
  /** Somebody said something; what was said before the page loaded is not told. */
  message: ChatMessage;
  /** The visitor began a conversation; `first`: they never had one. */
  start: { first: boolean };
  /** A button of a card that is for your page. */
  postback: unknown;
  /** The visitor wants the chat in a window of its own: only with `$chatwoot`'s `showPopoutButton`. */
  popout: undefined;
  /** The session of whoever was identified has ended: identify them again. */
  expired: undefined;
  error: Trouble;
}

export interface ChatApi {
  readonly isOpen: boolean;
  open(): Promise<void>;
  close(): Promise<void>;
  toggle(): Promise<void>;
  /** The button; the panel stays as it is. */
  show(): Promise<void>;
  hide(): Promise<void>;
  /** Rejects with a `Trouble`. The same person again is nothing new; another one sees nothing of the former. */
  identify(claim: Claim): Promise<void>;
  /** Ends the session and forgets everything here. */
  logout(): Promise<void>;
  setLocale(locale: string): Promise<void>;
  setTheme(theme: Theme): Promise<void>;
  /** Kept until the visitor acts, then told. */
  setAttributes(attributes: Attributes): Promise<void>;
  /** Of the conversation that is looked at, else of the next one. Needs the inbox's bot token: else `unsupported`. */
  setConversationAttributes(attributes: Attributes): Promise<void>;
  deleteConversationAttribute(key: string): Promise<void>;
  /** One that the inbox allows; needs its agent's token: else `unsupported`. Agents' own are never removed. */
  setLabel(label: string): Promise<void>;
  removeLabel(label: string): Promise<void>;
  /** Answers with the function that ends it. */
  on<N extends EventName>(name: N, listener: (detail: Events[N]) => void): () => void;
  off<N extends EventName>(name: N, listener: (detail: Events[N]) => void): void;
  destroy(): void;
}

type Method = Exclude<keyof ChatApi, "isOpen">;
type Call = { [M in Method]: [M, ...Parameters<ChatApi[M]>] }[Method] | ["start", Settings] | ["inbox", string, Method, ...unknown[]];

/** `window.chatproxy`: the page's first chat, and the way to the others. */
export interface Chatproxy extends ChatApi {
  q: { push(...calls: Call[]): unknown };
  /** Begin a chat; one that runs already is left as it is. */
  start(settings: Settings): ChatApi;
  inbox(inbox: string): ChatApi;
  inbox<M extends Method>(inbox: string, name: M, ...values: Parameters<ChatApi[M]>): ReturnType<ChatApi[M]>;
}

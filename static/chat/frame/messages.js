/** All that shows messages and tells of them: loaded with the first, or once somebody begins to write one. */
export { Announcer } from "./announcer.js";
export { Waiting } from "./delivery.js";
export { ChatMessage } from "./elements/chat-message.js";
export { items } from "./grouping.js";
export { tell } from "./happenings.js";
export { render } from "./tree.js";

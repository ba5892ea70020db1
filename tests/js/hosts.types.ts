/** A page of a host in TypeScript: compiled by tsc, never run. */
import type { ChatMessage, Chatproxy } from "../../static/chat/chatproxy.js";

declare const chatproxy: Chatproxy;

export async function page(): Promise<void> {
  chatproxy.q.push(["open"], ["identify", { token: "a.b.c" }], ["inbox", "other", "close"], ["start", { inbox: "main" }]);
  await chatproxy.identify({ token: async () => "a.b.c" });
  await chatproxy.identify({ identifier: 7, identifier_hash: "abc" });
  await chatproxy.setAttributes({ plan: "pro", vip: true, seats: 3, old: null });
  await chatproxy.setConversationAttributes({ order: "A-17", old: null });
  chatproxy.q.push(["setLabel", "vip"], ["removeLabel", "vip"], ["deleteConversationAttribute", "order"]);
  await chatproxy.setTheme("auto");
  const off: () => void = chatproxy.on("unread", (count) => count.toFixed());
  const heard = (message: ChatMessage): string => message.sender ?? message.text;
  chatproxy.on("message", heard);
  chatproxy.off("message", heard);
  chatproxy.on("error", ({ code, message }) => code + message);
  off();
  await chatproxy.inbox("other").open();
  await chatproxy.inbox("other", "setLocale", "de");
  chatproxy.start({ inbox: "third", mode: "inline", target: "#chat", hidden: true, position: "start" }).destroy();
  const isOpen: boolean = chatproxy.isOpen;
  // @ts-expect-error there is no such call
  chatproxy.fly();
  // @ts-expect-error nor such an event
  chatproxy.on("flown", () => isOpen);
  // @ts-expect-error a claim needs its proof
  await chatproxy.identify({ identifier: "7" });
  // @ts-expect-error a theme is one of three
  await chatproxy.setTheme("sepia");
  // @ts-expect-error an inbox has to be named
  chatproxy.start({ mode: "full" });
  // @ts-expect-error nested values are no attributes
  await chatproxy.setAttributes({ address: { city: "Husum" } });
}

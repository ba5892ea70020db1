/**
 * What travels between the server and a client, as types. Nothing here runs; nothing loads this file.
 *
 * @typedef {{id: string, seq: number, status: "open"|"resolved"|"pending"|"snoozed",
 *   contact_seen: number, agent_seen: number, deleted: boolean}} Conversation
 * @typedef {{name: string, avatar: string|null, kind: "agent"|"bot"|"system"}} Sender
 * `type`: image, audio, video, file or another of Chatwoot's.
 * @typedef {{id: string, name: string, type: string, size: number, width?: number|null, height?: number|null}} Attachment
 * @typedef {"accepted"|"sending"|"unsure"|"sent"|"failed"|"unconfirmed"} Delivery
 *
 * @typedef {string | {t: "strong"|"em"|"strike", c: Inline[]} | {t: "code", s: string}
 *   | {t: "link", href: string, c: Inline[]} | {t: "br"}} Inline
 * @typedef {{t: "p", c: Inline[]} | {t: "quote", c: Block[]} | {t: "code", s: string, lang?: string}
 *   | {t: "list", ordered: boolean, start?: number, c: Block[][]}} Block
 * @typedef {Block[]} Tree
 *
 * What was answered to a question. Until it has arrived: what was accepted last.
 * @typedef {{values: any, state: "accepted"|"sent"|"failed"}} Answer
 * @typedef {{id: string, text: string, own: boolean}} Quote
 * @typedef {{display_type?: string, items?: any[], answer?: Answer, reply_to?: Quote}} Attributes
 *
 * `incoming` is from the visitor, `outgoing` from an agent. `at` is milliseconds since 1970.
 * @typedef {{id: string, conversation: string, seq: number, at: number, direction: "incoming"|"outgoing",
 *   echo_id: string|null, state: Delivery, reason: string|null, sender: Sender|null, text: Tree,
 *   content_type: string, attributes: Attributes, attachments: Attachment[],
 *   deleted: boolean}} Message
 *
 * `retry_after`: seconds after which the same is worth another try.
 * @typedef {{code: string, message: string, retry_after?: number}} Fault
 * @typedef {{type: "reset", cursor: string, reason: string, conversations: Conversation[], messages: Message[], more: boolean}} ResetFrame
 * @typedef {{type: "changes", cursor: string, conversations: Conversation[], messages: Message[], more: boolean}} ChangesFrame
 * @typedef {{type: "accepted", echo_id: string, message: string, conversation: string}} AcceptedFrame
 * @typedef {{type: "refused", echo_id?: string, message?: string, conversation?: string, error: Fault}} RefusedFrame
 * @typedef {{type: "typing", conversation: string, name: string, on: boolean}} TypingFrame
 * @typedef {{type: "presence", online: boolean}} PresenceFrame
 * @typedef {{type: "pong", cursor: string}} PongFrame
 * @typedef {{type: "reconnect", in_ms: number}} ReconnectFrame
 * @typedef {{type: "error", error: Fault}} ErrorFrame
 * @typedef {ResetFrame|ChangesFrame|AcceptedFrame|RefusedFrame|TypingFrame|PresenceFrame|PongFrame|ReconnectFrame|ErrorFrame} ServerFrame
 *
 * @typedef {{messages: Message[], more: boolean}} HistoryPage
 * @typedef {{access_token: string, expires_in: number, contact: string, refresh_token?: string}} SessionAnswer
 *
 * `openings`: from and until when it is open in the next days; null: always, or not known.
 * @typedef {{text: number, files: number, upload_bytes: number, upload_types: string[]}} Limits
 * @typedef {{name: string, kind: "name"|"email"|"phone"|"attribute", label: string, required: boolean}} AskField
 * `avatar`: what answers 404 is shown as initials.
 * @typedef {{name: string, avatar: string|null}} Colleague
 * @typedef {{fields: AskField[], consent: {text: string, link: string, link_text: string, version: string}|null}} Ask
 * @typedef {{inbox: string, name: string, colours: Record<string, string>, greeting: string, api: string, socket: string,
 *   limits: Limits, host_origins: string[], still?: boolean, locale: string,
 *   language?: string, catalogue?: string, texts?: Record<string, string>, theme?: "auto"|"light"|"dark",
 *   openings: [number, number][]|null, ask: Ask|null, suggestions: string[], resolved: "reopen"|"new"|"ask",
 *   modules: Record<string, string>, styles: Record<string, string>, begun?: boolean, articles?: boolean,
 *   team?: Colleague[], transcript?: "never"|"own"|"any"}} Config `still`: a preview, which
 *   takes no focus; `modules`: addresses of what is loaded later (`lazy.js`); `begun`: the browser has this site's cookie of a session;
 *   `articles`: there is a help centre; `team`: some of those who answer here;
 *   `transcript`: to which addresses a conversation may be sent by e-mail
 */
export {};

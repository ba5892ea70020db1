/**
 * What travels between the server and a client, as types. Nothing here runs; nothing loads this file.
 *
 * @typedef {{id: string, seq: number, status: "open"|"resolved"|"pending"|"snoozed",
 *   contact_seen: number, agent_seen: number}} Conversation
 * @typedef {{name: string, avatar: string|null, kind: "agent"|"bot"|"system"}} Sender
 * @typedef {{id: string, name: string, type: string, size: number}} Attachment
 * @typedef {"accepted"|"sending"|"unsure"|"sent"|"failed"|"unconfirmed"} Delivery
 *
 * @typedef {string | {t: "strong"|"em"|"strike", c: Inline[]} | {t: "code", s: string}
 *   | {t: "link", href: string, c: Inline[]} | {t: "br"}} Inline
 * @typedef {{t: "p", c: Inline[]} | {t: "quote", c: Block[]} | {t: "code", s: string, lang?: string}
 *   | {t: "list", ordered: boolean, start?: number, c: Block[][]}} Block
 * @typedef {Block[]} Tree
 *
 * `incoming` is from the visitor, `outgoing` from an agent. `at` is milliseconds since 1970.
 * @typedef {{id: string, conversation: string, seq: number, at: number, direction: "incoming"|"outgoing",
 *   echo_id: string|null, state: Delivery, reason: string|null, sender: Sender|null, text: Tree,
 *   content_type: string, attributes: Record<string, unknown>, attachments: Attachment[],
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
 * @typedef {{access_token: string, expires_in: number, contact: string}} SessionAnswer
 *
 * @typedef {{inbox: string, name: string, accent: string, greeting: string, api: string, socket: string,
 *   limits: {text: number}, host_origins: string[], locale: string}} Config
 */
export {};

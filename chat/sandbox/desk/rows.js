/**
 * Chatwoot's rows as the desk keeps them. Unknown keys end here; the shapes are contract §2.1–2.5 and §6.6–6.8.
 *
 * @typedef {{id: number, name: string, kind: string}} Sender
 * @typedef {{id: number, kind: string, name: string, url: string, thumb: string, size: number | null}} Attachment
 * @typedef {{id: number, conversation_id: number, echo_id: string | null, message_type: string, content: string,
 *   content_type: string, content_attributes: Record<string, any>, status: string, isPrivate: boolean,
 *   deleted: boolean, created_at: number, updated_at: string | null, sender: Sender | null,
 *   attachments: Attachment[]}} Message
 * @typedef {{id: number, name: string, email: string | null, phone_number: string | null, identifier: string | null,
 *   blocked: boolean, custom_attributes: Record<string, any>}} Contact
 * @typedef {{id: number, contact: Contact, status: string, unread_count: number, last_activity_at: number,
 *   created_at: number, updated_at: number, contact_last_seen_at: number, assignee: string | null, labels: string[],
 *   custom_attributes: Record<string, any>}} Conversation
 */

const MESSAGE_TYPES = ["incoming", "outgoing", "activity", "template"];

/** @param {any} raw @returns {Message} */
export function messageFrom(raw) {
  const attributes = raw.content_attributes ?? {};
  const deleted = attributes.deleted === true;
  return {
    id: raw.id,
    conversation_id: raw.conversation_id,
    echo_id: raw.echo_id ?? null,
    message_type: MESSAGE_TYPES[raw.message_type] ?? "activity",
    content: deleted ? "" : (raw.content ?? ""),
    content_type: raw.content_type ?? "text",
    content_attributes: deleted ? {} : attributes,
    status: raw.status ?? "sent",
    isPrivate: raw.private === true,
    deleted,
    created_at: raw.created_at,
    updated_at: raw.updated_at ?? null,
    sender: raw.sender ? senderFrom(raw.sender) : null,
    attachments: deleted ? [] : (raw.attachments ?? []).map(attachmentFrom),
  };
}

function senderFrom(raw) {
  return { id: raw.id, name: raw.available_name || raw.name || "", kind: raw.type ?? "" };
}

function attachmentFrom(raw) {
  const url = raw.data_url ?? "";
  return {
    id: raw.id,
    kind: raw.file_type ?? "file",
    name: raw.fallback_title || nameIn(url),
    url,
    thumb: raw.thumb_url || url,
    size: raw.file_size ?? null,
  };
}

// An attachment carries no file name of its own: contract §2.8.
function nameIn(url) {
  const last = url.split(/[?#]/)[0].split("/").pop() ?? "";
  try {
    return decodeURIComponent(last) || "File";
  } catch {
    return last;
  }
}

/** @param {any} raw @returns {Conversation} */
export function conversationFrom(raw) {
  return {
    id: raw.id,
    contact: contactFrom(raw.meta?.sender ?? {}),
    status: raw.status,
    unread_count: raw.unread_count ?? 0,
    last_activity_at: raw.last_activity_at ?? raw.timestamp ?? 0,
    created_at: raw.created_at ?? 0,
    updated_at: raw.updated_at ?? 0,
    contact_last_seen_at: raw.contact_last_seen_at ?? 0,
    assignee: raw.meta?.assignee?.available_name ?? raw.meta?.assignee?.name ?? null,
    labels: raw.labels ?? [],
    custom_attributes: raw.custom_attributes ?? {},
  };
}

/** @param {any} raw @returns {Contact} */
export function contactFrom(raw) {
  return {
    id: raw.id,
    name: raw.name || "Visitor",
    email: raw.email ?? null,
    phone_number: raw.phone_number ?? null,
    identifier: raw.identifier ?? null,
    blocked: raw.blocked === true,
    custom_attributes: raw.custom_attributes ?? {},
  };
}

/** The messages that a conversation row brings along: the newest one, and in a list the newest that is no activity. */
export function messagesIn(raw) {
  return [...(raw.messages ?? []), raw.last_non_activity_message].filter(Boolean).map(messageFrom);
}

export default /** @type {const} */ ({
  "conversation": "Conversation",
  "message": "Message",
  "placeholder": "Write a message",
  "send": "Send",
  "close": "Close chat",
  "newMessages": "New messages",
  "resolved": "This conversation is closed. Write to open it again.",
  "removed": "Message removed",
  "unknownType": "Open in another app to see more",
  "retry": "Try again",
  "sendAgain": "Send again",
  "discard": "Delete",
  "today": "Today",
  "yesterday": "Yesterday",
  "you": "You",
  "agent": "Support",
  "greeting": "Hello. How can we help?",
  "typing": { "none": "Typing", "other": "{name} is typing" },
  "left": { "one": "{count} left", "other": "{count} left" },
  "over": { "one": "{count} character too long", "other": "{count} characters too long" },
  "jump": { "none": "Newest", "one": "{count} new", "other": "{count} new" },
  "jumpLabel": {
    "none": "Jump to the newest message",
    "one": "Jump to the newest message, {count} new",
    "other": "Jump to the newest message, {count} new"
  },
  "nowTalking": "You are now talking to {name}",
  "sound": "Sound for new messages",
  "talks": {
    "list": "Conversations",
    "new": "This conversation is closed. Writing begins a new one.",
    "ask": "This conversation is closed."
  },
  "header": {
    "speaking": "You are talking to {name}",
    "online": "Someone is here now",
    "plain": "We answer here as soon as we can",
    "away": "Away at the moment. Leave a message.",
    "backToday": "Back today at {time} your time",
    "backTomorrow": "Back tomorrow at {time} your time",
    "backOn": "Back on {day} at {time} your time",
    "team": "Here for you: {names}"
  },
  "delivery": {
    "sending": "Sending",
    "waiting": "Waiting to be sent",
    "behind": "Waits for your choice about the message above",
    "slow": "Still sending…",
    "sent": "Sent",
    "seen": "Seen",
    "damaged": "Sent, but the file may be damaged. Please send it again.",
    "failed": { "none": "Not sent", "other": "Not sent: {reason}" },
    "unconfirmed": "We could not confirm that this was delivered.",
    "uploading": "Uploading…"
  },
  "notice": {
    "offline": "You’re offline. Messages will be sent when you’re back.",
    "unreachable": "We can’t reach the chat right now. Messages will be sent once we can.",
    "slow": "We’ll deliver your message as soon as we can.",
    "stopped": "The chat is not available here. Reload the page to try again."
  },
  "quote": {
    "own": "In reply to you",
    "agent": "In reply to",
    "file": "A file"
  },
  "rich": {
    "choose": "Please choose",
    "fill": "Please fill in",
    "look": "Have a look",
    "rate": "How was this conversation?"
  },
  "media": {
    "picture": "Picture: {name}",
    "audio": "Audio: {name}",
    "video": "Video: {name}",
    "file": "File: {name}"
  },
  "composer": {
    "attach": "Add files",
    "emoji": "Emoji",
    "record": "Record a voice message",
    "drop": "Drop files here to add them",
    "limits": "Up to {count} files, {size} in all: pictures, PDF, text, sound and film.",
    "gone": "Please add {names} again. The page was closed before it was sent.",
    "unloaded": "This could not be loaded. Check your connection and try again."
  },
  "questions": {
    "unreachable": "We can’t reach the chat right now. Your message is kept here; please try again."
  },
  "launcher": {
    "chat": "Chat",
    "open": "Open chat",
    "close": "Close chat",
    "unread": "Open chat, {count} unread",
    "loading": "The chat is loading…",
    "unreachable": "We can’t reach the chat right now."
  }
});

/**
 * `<chatproxy-chat inbox="main" theme="dark">`: a chat as a part of the page. A script of its own beside `sdk.js`:
 *
 *     <script async src="https://chat.example/sdk.js"></script>
 *     <script async src="https://chat.example/element.js"></script>
 *
 * Its attributes are the settings of `chatproxy.start`, but for `origin`: markup may be somebody else's, and the frame is
 * told who sits here. Its `chat` is what `chatproxy.inbox` answers. The page's styles say how large it is.
 */
(() => {
  if (customElements.get("chatproxy-chat")) return;

  class ChatproxyChat extends HTMLElement {
    get chat() {
      return window.chatproxy?.inbox?.(this.getAttribute("inbox") ?? "");
    }

    connectedCallback() {
      const { origin, ...settings } = Object.fromEntries([...this.attributes].map(({ name, value }) => [name, value]));
      window.chatproxy ??= { q: [] };
      window.chatproxy.q?.push(["start", { inbox: "", ...settings, mode: "inline", host: this }]);
    }

    /** Whoever moves it takes it out first. */
    disconnectedCallback() {
      setTimeout(() => {
        if (!this.isConnected) window.chatproxy?.q?.push(["inbox", this.getAttribute("inbox") ?? "", "destroy"]);
      });
    }
  }

  customElements.define("chatproxy-chat", ChatproxyChat);
})();

/**
 * The launcher on the host's page: a button, a panel, and nothing else until it is opened.
 *
 *     <script>window.chatproxy = window.chatproxy || { q: [] };</script>
 *     <script async src="https://chat.example/sdk.js" data-inbox="main"></script>
 *
 * `chatproxy.q.push(["open"])` works before and after it has loaded; afterwards there are also
 * `chatproxy.open()`, `close()`, `toggle()` and `destroy()`. `data-accent="#1f6f5c"` colours the button.
 */
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ICONS = {
    open: "M4.5 6.5a3 3 0 0 1 3-3h9a3 3 0 0 1 3 3v6a3 3 0 0 1-3 3H12l-4.5 4v-4a3 3 0 0 1-3-3z",
    close: "M6 9.5l6 6 6-6",
  };
  const CSS = `
:host{all:initial;--a:#1f6f5c;--i:#fff;--s:#fdfcfa;--t:#1f1d1a;--l:#0000001a}
*{box-sizing:border-box}
[hidden]{display:none!important}
button{position:fixed;z-index:2147483001;inset-block-end:calc(20px + env(safe-area-inset-bottom));inset-inline-end:calc(20px + env(safe-area-inset-right));
width:56px;height:56px;padding:0;border:0;border-radius:50%;background:var(--a);color:var(--i);cursor:pointer;display:grid;place-items:center;
-webkit-tap-highlight-color:transparent;box-shadow:0 2px 10px #0000002e}
button:hover{translate:0 -1px}
button:focus{outline:none}
button:focus-visible{outline:2px solid var(--a);outline-offset:3px}
svg{width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}
.badge{position:absolute;inset-block-start:-4px;inset-inline-end:-4px;min-width:20px;height:20px;padding:0 6px;border-radius:10px;background:#b3261e;color:#fff;
font:600 12px/20px system-ui,sans-serif;text-align:center}
.panel{position:fixed;z-index:2147483000;inset-block-end:calc(88px + env(safe-area-inset-bottom));inset-inline-end:calc(20px + env(safe-area-inset-right));
width:384px;height:min(640px,100vh - 104px);height:min(640px,100dvh - 104px);border-radius:20px;overflow:hidden;background:var(--s);
box-shadow:0 0 0 1px var(--l),0 12px 40px #0000002e;transform-origin:100% 100%;animation:in .16s ease-out}
.panel:dir(rtl){transform-origin:0 100%}
iframe{display:block;width:100%;height:100%;border:0;color-scheme:normal}
.panel:not(.ready) iframe{visibility:hidden}
.note{position:absolute;inset:0;margin:auto;height:fit-content;padding:24px;color:var(--t);font:400 15px/22px system-ui,sans-serif;text-align:center;animation:late 1ms .3s backwards}
.ready .note{display:none}
@keyframes in{from{opacity:0;transform:scale(.94)}}
@keyframes late{from{visibility:hidden}}
@media(prefers-reduced-motion:reduce){.panel{animation:none}button:hover{translate:none}}
@media(prefers-color-scheme:dark){:host{--s:#191816;--t:#f2efe9;--l:#ffffff1f}}
@media(forced-colors:active){button,.panel{border:1px solid ButtonText}}
@media(max-width:479.98px){.panel{inset:0;width:100%;height:100dvh;border-radius:0;box-shadow:none}.panel.ready:not([hidden])~button{display:none}}`;

  const READY_MS = 8_000;
  const LOADED_MS = 1_000; // A page of ours has spoken before it counts as loaded; this is for its words to arrive.
  const FIRST_PAUSE_MS = 2_000;
  const LONGEST_PAUSE_MS = 60_000;
  const LOADING = "The chat is loading…";
  const UNREACHABLE = "We can’t reach the chat right now.";

  /** @param {Record<string, any>} message */
  const isObject = (message) => typeof message === "object" && message !== null;

  /** Nothing of ours may break the host's page. @param {() => unknown} act */
  const safely = (act) => {
    try {
      act();
    } catch (error) {
      console.warn("chatproxy:", error);
    }
  };

  /** @param {string} path @param {SVGSVGElement} svg */
  const draw = (path, svg) => {
    const shape = document.createElementNS(SVG, "path");
    shape.setAttribute("d", path);
    svg.replaceChildren(shape);
  };

  /** @param {string} accent @returns {string} black or white, whichever reads better on it */
  const inkOn = (accent) => {
    const value = parseInt(accent.slice(1), 16);
    const [r, g, b] = [value >> 16, (value >> 8) & 255, value & 255].map((c) => ((c ?? 0) / 255) ** 2.2);
    return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0) > 0.18 ? "#1f1d1a" : "#fff";
  };

  class Launcher {
    /** @type {HTMLIFrameElement|null} */ frame = null;
    ready = false;
    missed = false;
    pauseMs = FIRST_PAUSE_MS;
    timer = 0;

    /** @param {HTMLScriptElement} script */
    constructor(script) {
      this.origin = new URL(script.src).origin;
      this.inbox = script.dataset.inbox ?? "";
      this.flag = `chatproxy:${this.inbox}:wrote`;
      this.host = document.createElement("div");
      this.button = document.createElement("button");
      this.badge = document.createElement("span");
      this.panel = document.createElement("div");
      this.note = document.createElement("p");
      this.svg = document.createElementNS(SVG, "svg");
      this.build(script.dataset.accent ?? "");
    }

    /** @param {string} accent */
    build(accent) {
      const root = this.host.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet(); // Not touched by the host's style-src, unlike a style element.
      sheet.replaceSync(CSS);
      if (/^#[0-9a-f]{6}$/i.test(accent)) sheet.insertRule(`:host{--a:${accent};--i:${inkOn(accent)}}`, sheet.cssRules.length);
      root.adoptedStyleSheets = [sheet];
      this.host.setAttribute("data-chatproxy", this.inbox);
      this.svg.setAttribute("viewBox", "0 0 24 24");
      this.svg.setAttribute("aria-hidden", "true");
      this.badge.className = "badge";
      this.badge.setAttribute("aria-hidden", "true");
      this.panel.className = "panel";
      this.panel.hidden = true;
      this.note.className = "note";
      this.note.setAttribute("role", "status");
      this.panel.append(this.note);
      this.button.type = "button";
      this.button.append(this.svg, this.badge);
      this.button.addEventListener("click", () => safely(() => this.toggle()));
      root.append(this.panel, this.button);
      this.showUnread(0);
    }

    start() {
      addEventListener("message", this.onMessage);
      addEventListener("keydown", this.onKey);
      addEventListener("online", this.onOnline);
      window.visualViewport?.addEventListener("resize", this.onViewport);
      document.body.append(this.host);
      if (this.wrote()) (window.requestIdleCallback ?? setTimeout)(() => safely(() => this.frame || this.load()));
    }

    /** One first-party flag, no token: whoever has written before gets a true badge. @param {boolean} [now] */
    wrote(now) {
      try {
        if (now) localStorage.setItem(this.flag, "1");
        return localStorage.getItem(this.flag) === "1";
      } catch {
        return false;
      }
    }

    /** Load the frame, also in place of one that never came. */
    load() {
      this.frame?.remove();
      this.frame = document.createElement("iframe");
      this.frame.title = "Chat";
      this.frame.addEventListener("load", () => this.ready || this.later(LOADED_MS, () => this.miss()));
      this.later(READY_MS, () => this.miss());
      this.frame.src = `${this.origin}/frame/${encodeURIComponent(this.inbox)}/?origin=${encodeURIComponent(location.origin)}`;
      this.panel.append(this.frame);
    }

    /** Somebody acted, or the network is back: no need for patience. */
    loadAfresh() {
      this.missed = false;
      this.pauseMs = FIRST_PAUSE_MS;
      this.note.textContent = LOADING;
      this.load();
    }

    /** The frame has not said a word: say so, and try again while somebody waits for it. */
    miss() {
      this.missed = true;
      this.note.textContent = UNREACHABLE;
      this.later(this.pauseMs * (0.5 + Math.random() / 2), () => this.isOpen && this.load());
      this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
    }

    /** @param {number} ms @param {() => unknown} act what to do then, unless something else is to be done first */
    later(ms, act) {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => safely(act), ms);
    }

    get isOpen() {
      return !this.panel.hidden;
    }

    open() {
      if (this.isOpen) return;
      if (!this.frame || this.missed) this.loadAfresh();
      this.panel.hidden = false;
      this.showUnread(0);
      this.onViewport();
      if (this.ready) this.frame?.focus();
      this.tell("open");
    }

    close() {
      if (!this.isOpen) return;
      const focused = this.host.shadowRoot?.activeElement;
      this.panel.hidden = true;
      this.showUnread(0);
      if (focused) this.button.focus();
      this.tell("closed");
    }

    toggle() {
      if (this.isOpen) this.close();
      else this.open();
    }

    destroy() {
      removeEventListener("message", this.onMessage);
      removeEventListener("keydown", this.onKey);
      removeEventListener("online", this.onOnline);
      clearTimeout(this.timer);
      window.visualViewport?.removeEventListener("resize", this.onViewport);
      this.host.remove();
      window.chatproxy = { q: [] };
    }

    /** @param {string} type */
    tell(type) {
      if (this.ready) this.frame?.contentWindow?.postMessage({ chatproxy: 1, type }, this.origin);
    }

    /** @param {number} count */
    showUnread(count) {
      const shown = this.isOpen ? 0 : count;
      draw(this.isOpen ? ICONS.close : ICONS.open, this.svg);
      this.badge.hidden = shown === 0;
      this.badge.textContent = shown > 9 ? "9+" : String(shown);
      this.button.ariaLabel = this.isOpen ? "Close chat" : "Open chat" + (shown ? `, ${shown} unread` : "");
      this.button.ariaExpanded = String(this.isOpen);
    }

    /** @param {MessageEvent} event */
    onMessage = ({ origin, source, data }) => {
      if (origin !== this.origin || !this.frame || source !== this.frame.contentWindow) return;
      if (!isObject(data) || data.chatproxy !== 1) return;
      safely(() => this.obey(data));
    };

    /** @param {Record<string, any>} message */
    obey({ type, count }) {
      if (type === "close") this.close();
      if (type === "ready") this.onReady();
      if (type === "unread" && Number.isInteger(count) && count >= 0) {
        this.wrote(true);
        this.showUnread(count);
      }
    }

    onReady() {
      clearTimeout(this.timer);
      this.ready = true;
      this.missed = false;
      this.panel.classList.add("ready");
      if (!this.isOpen) return;
      const { activeElement } = document;
      if (activeElement === this.host || activeElement === document.body) this.frame?.focus();
      this.tell("open");
    }

    onOnline = () => {
      if (this.frame && !this.ready) safely(() => this.loadAfresh());
    };

    /** @param {KeyboardEvent} event */
    onKey = ({ key, isComposing, defaultPrevented }) => {
      if (key === "Escape" && !isComposing && !defaultPrevented) safely(() => this.close());
    };

    /** On a phone the keyboard covers a full-screen panel unless it follows what is left. */
    onViewport = () => {
      const view = window.visualViewport;
      const { style } = this.panel;
      const small = matchMedia("(max-width: 479.98px)").matches && this.isOpen && view && view.height < innerHeight - 80;
      style.height = small ? `${view.height}px` : "";
      style.top = small ? `${view.offsetTop}px` : "";
    };
  }

  safely(() => {
    const script = document.currentScript ?? document.querySelector("script[data-inbox][src*='sdk.js']");
    const early = window.chatproxy;
    if (!(script instanceof HTMLScriptElement) || !script.dataset.inbox || early?.open) return;
    const launcher = new Launcher(script);
    /** @type {Record<string, () => void>} */
    const calls = {};
    for (const name of /** @type {const} */ (["open", "close", "toggle", "destroy"])) {
      calls[name] = () => safely(() => launcher[name]());
    }
    const push = (/** @type {unknown[]} */ ...queued) => queued.forEach((call) => safely(() => calls[String(Array.isArray(call) ? call[0] : call)]?.()));
    const start = () => safely(() => launcher.start());
    window.chatproxy = { ...calls, q: { push } };
    if (document.body) start();
    else addEventListener("DOMContentLoaded", start);
    if (Array.isArray(early?.q)) push(...early.q);
  });
})();

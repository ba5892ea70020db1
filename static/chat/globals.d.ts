import type { Chatproxy } from "./chatproxy.js";

declare global {
  interface Window {
    /** Calls queue in `q` until sdk.js has loaded. */
    chatproxy?: Partial<Chatproxy>;
    /** With `data-chatwoot-compat`: docs/chatwoot-compat.md. */
    chatwootSDK?: any;
    $chatwoot?: any;
    chatwootSettings?: Record<string, unknown>;
  }
}

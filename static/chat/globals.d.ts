interface Window {
  /** Calls queue in `q` until sdk.js has loaded. */
  chatproxy?: { q: unknown; open?: () => void; close?: () => void; toggle?: () => void; destroy?: () => void };
}

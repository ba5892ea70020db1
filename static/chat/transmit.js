/**
 * One upload, by XMLHttpRequest: fetch does not tell how far it is.
 * @import { Answer, Order } from "./uploads.js"
 */

/** @param {Order} order @returns {Promise<Answer>} rejects when no answer came, or when it was stopped */
export function byRequest({ url, token, blob, signal, onShare }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", ({ loaded }) => onShare(blob.size ? loaded / blob.size : 0));
    request.addEventListener("load", () => resolve(answerOf(request)));
    for (const name of /** @type {const} */ (["error", "abort"])) request.addEventListener(name, () => reject(new Error(name)));
    signal.addEventListener("abort", () => request.abort());
    request.send(blob);
  });
}

/** @param {XMLHttpRequest} request @returns {Answer} */
function answerOf(request) {
  let body = null;
  try {
    body = JSON.parse(request.responseText);
  } catch {
    // A proxy's page, say: the status is all there is.
  }
  return { status: request.status, body, retryAfter: Number(request.getResponseHeader("Retry-After")) || 0 };
}

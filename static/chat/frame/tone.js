/** Two soft notes, a fourth apart; no file. */
const NOTES = /** @type {const} */ ([
  [659.26, 0],
  [880, 0.09],
]);
const LOUDNESS = 0.06;
const LASTS_S = 0.5;

export async function play() {
  const context = new AudioContext();
  try {
    await context.resume();
    for (const [frequency, after] of NOTES) note(context, frequency, context.currentTime + after);
    await new Promise((resolve) => setTimeout(resolve, (LASTS_S + 0.2) * 1_000));
  } finally {
    await context.close();
  }
}

/** @param {AudioContext} context @param {number} frequency @param {number} at */
function note(context, frequency, at) {
  const [tone, volume] = [context.createOscillator(), context.createGain()];
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(LOUDNESS, at + 0.012);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + LASTS_S);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + LASTS_S);
}

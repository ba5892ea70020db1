/** Nothing of ours may break the host's page. @param {() => unknown} act */
export function safely(act) {
  try {
    act();
  } catch (error) {
    console.warn(error);
  }
}

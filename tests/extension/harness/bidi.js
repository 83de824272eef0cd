// @ts-check
/**
 * What WebDriver BiDi calls a browsing context; puppeteer has it but does not show it in its types.
 * @param {import('puppeteer-core').Frame} frame
 * @returns {{id: string, session: {send(method: string, parameters: object): Promise<any>}}}
 */
export function contextOf(frame) {
  const context = /** @type {any} */ (frame).browsingContext;
  return { id: context.id, session: context.userContext.browser.session };
}

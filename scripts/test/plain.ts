/** Text without colours. */
// oxlint-disable-next-line no-control-regex -- colours
export const plain = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, '');

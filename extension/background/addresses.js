// @ts-check
/**
 * Addresses inside the user's own network: pictures are not fetched from there for a page that is outside it.
 *
 * What a name on the internet resolves to cannot be seen from here; names and numbers that say it themselves
 * can.
 *
 * @module
 */

/** IPv4 blocks that are not the internet (RFC 6890), as first address and length of the prefix. */
const BLOCKS = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16],
  ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['224.0.0.0', 4],
  ['240.0.0.0', 4],
].map(([first, length]) => ({ first: number(String(first)), length: Number(length) }));

/** Ends of names that only mean something in a local network. */
const LOCAL_NAMES = ['localhost', 'local', 'internal', 'intranet', 'lan', 'home', 'corp', 'home.arpa'];

/**
 * The browser's parser has brought the host into its one form: 0x7f.1 is 127.0.0.1 by now.
 * @param {URL} url
 */
export function isLocal({ hostname }) {
  if (hostname.startsWith('[')) return isLocalIpv6(hostname.slice(1, -1));
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return isLocalIpv4(number(hostname));
  const name = hostname.replace(/\.$/, '');
  return !name.includes('.') || LOCAL_NAMES.some((end) => name.endsWith(`.${end}`));
}

/** @param {number} address */
function isLocalIpv4(address) {
  return BLOCKS.some(({ first, length }) => {
    const size = 2 ** (32 - length);
    return address >= first && address < first + size;
  });
}

/** @param {string} text  as the parser writes it: lower case, the longest run of zeros shortened */
function isLocalIpv6(text) {
  const groups = groupsOf(text);
  const [first] = groups;
  // only 2000::/3 is given out; of it, 2002::/16 carries an IPv4 address, and so does 64:ff9b::/96 outside it
  if (first === 0x2002) return isLocalIpv4(groups[1] * 65536 + groups[2]);
  if (first === 0x64 && groups[1] === 0xff9b) return isLocalIpv4(groups[6] * 65536 + groups[7]);
  return first < 0x2000 || first > 0x3fff;
}

/** @param {string} text */
function groupsOf(text) {
  const halves = text.split('::').map((half) => half.split(':').filter(Boolean));
  const [head, tail] = halves.map((half) => half.map((each) => parseInt(each, 16)));
  return tail ? [...head, ...Array(8 - head.length - tail.length).fill(0), ...tail] : head;
}

/** @param {string} text */
function number(text) {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

// @ts-check
/**
 * Where the pairing is kept: in IndexedDB, which content scripts cannot open. `storage.local` they can read
 * in Firefox.
 *
 * @module
 */

/** @typedef {import('./pairing.js').Pairing} Pairing */

const DATABASE = 'ermask';
const STORE = 'pairing';
const ONLY = 'only';

/** @returns {Promise<Pairing | null>} */
export async function read() {
  return (await within('readonly', (store) => store.get(ONLY))) ?? null;
}

/** @param {Pairing} pairing */
export async function write(pairing) {
  await within('readwrite', (store) => store.put(pairing, ONLY));
}

export async function clear() {
  await within('readwrite', (store) => store.delete(ONLY));
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} operate
 * @returns {Promise<any>} the result, once it is on the disk
 */
async function within(mode, operate) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: 'strict' });
      const request = operate(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

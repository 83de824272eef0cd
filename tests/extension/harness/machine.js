// @ts-check
/**
 * A user's machine: the real daemon with the real networks, in a folder of its own.
 *
 * @module
 */

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { until } from './poll.js';
import { python } from './requirements.js';

const run = promisify(execFile);
const COMMAND_MS = 180_000;

export class Machine {
  /** @type {number | null} */
  #pid = null;
  #suspended = false;

  /**
   * @param {string} home
   * @param {number} port
   */
  constructor(home, port) {
    this.home = home;
    this.port = port;
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('ERMASK_'));
    /** @type {Record<string, string | undefined>} */
    this.env = {
      ...Object.fromEntries(inherited),
      ERMASK_HOME: home,
      ERMASK_PORT: String(port),
      ERMASK_DEVICE: 'cpu',
      // a keychain that cannot be used: keys go into the sealed file of this folder
      PYTHON_KEYRING_BACKEND: 'keyring.backends.fail.Keyring',
    };
  }

  /**
   * A machine with a running daemon.
   * @param {{circles?: string[], passphrase?: string}} [options]  passphrase: of the keys
   */
  static async start({ circles = ['Family'], passphrase } = {}) {
    const home = await mkdtemp(join(tmpdir(), 'ermask-machine-'));
    const machine = new Machine(home, await freePort());
    machine.env.ERMASK_PASSPHRASE = passphrase;
    for (const circle of circles) await machine.ermask('keys', 'new', circle);
    await machine.startDaemon();
    return machine;
  }

  /** @param {...string} args */
  ermask(...args) {
    return this.#command('cli', ...args);
  }

  /** @param {...string} args */
  daemon(...args) {
    return this.#command('daemon_cli', ...args);
  }

  async startDaemon() {
    await this.daemon('start');
    const state = JSON.parse(await readFile(join(this.home, 'state', 'daemon.json'), 'utf8'));
    this.#pid = state.pid;
    this.#suspended = false;
  }

  /** Let it end as a user would. */
  async stopDaemon() {
    this.resume();
    await this.daemon('stop', '--force');
    this.#pid = null;
  }

  /** End it in the middle of whatever it does; return when the port is free. */
  async kill() {
    if (this.#pid === null) return;
    process.kill(this.#pid, 'SIGKILL');
    this.#pid = null;
    this.#suspended = false;
    await until('the port to be free', async () => !(await isAnswered(this.port)));
  }

  /** The port stays open, nothing answers. */
  suspend() {
    if (this.#pid === null) throw new Error('there is no daemon to suspend');
    process.kill(this.#pid, 'SIGSTOP');
    this.#suspended = true;
  }

  resume() {
    if (this.#suspended && this.#pid !== null) process.kill(this.#pid, 'SIGCONT');
    this.#suspended = false;
  }

  get isRunning() {
    return this.#pid !== null && !this.#suspended;
  }

  /** Bring it back to work, whatever was done to it. */
  async recover() {
    this.resume();
    if (this.#pid === null) await this.startDaemon();
  }

  /**
   * Open the pairing window with `ermask-daemon pair`.
   * @returns {Promise<{code: string, done: Promise<void>}>} `done` when the command has seen the client
   */
  async openPairing() {
    const child = spawn(python(), this.#arguments('daemon_cli', 'pair'), {
      env: this.env,
      cwd: this.home,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (part) => (said += part));
    const done = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => {
        if (status === 0) resolve(undefined);
        else reject(new Error(`ermask-daemon pair ended with ${status}: ${said}`));
      });
    });
    done.catch(() => {}); // whoever awaits it hears of it
    child.unref(); // a code that nobody types keeps no test running
    for await (const line of createInterface(child.stdout)) {
      const code = line.match(/^Code: (\S+)/)?.[1];
      if (code) {
        child.stdout.resume();
        return { code, done };
      }
    }
    await done;
    throw new Error('ermask-daemon pair showed no code');
  }

  /** What the daemon's log says so far. */
  async log() {
    return (await this.daemon('logs', '--lines', '100000')).split('\n');
  }

  async close() {
    await this.kill();
    await rm(this.home, { recursive: true, force: true });
  }

  /**
   * @param {'cli' | 'daemon_cli'} module
   * @param {...string} args
   */
  async #command(module, ...args) {
    const { stdout } = await run(python(), this.#arguments(module, ...args), {
      env: this.env,
      cwd: this.home,
      timeout: COMMAND_MS,
    });
    return stdout;
  }

  /**
   * @param {'cli' | 'daemon_cli'} module
   * @param {...string} args
   */
  #arguments(module, ...args) {
    // -P: the folder it runs in must not become a place to import from
    return ['-P', '-c', `from ermask.${module} import main; main()`, ...args];
  }
}

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}

/**
 * Whether anybody accepts connections there.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isAnswered(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

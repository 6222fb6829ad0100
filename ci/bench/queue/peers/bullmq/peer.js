// BullMQ: a producer that takes orders on stdin, or a worker.
// The README of the benchmark says what every peer answers to.
import { Queue, Worker } from 'bullmq';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const SIZE = 200;
// Jobs of one `addBulk`.
const BATCH = 100;

const url = new URL(process.env.BENCH_URL);
const connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
const journal = process.env.BENCH_JOURNAL;

// A job of now, filled up to its size; the clock is one for all processes of a machine.
function make(id, ms) {
  const job = { id, sleep: ms, sent: String(process.hrtime.bigint()), pad: '' };
  job.pad = 'x'.repeat(SIZE - JSON.stringify(job).length);
  return job;
}

function record(event, job) {
  if (journal) appendFileSync(journal, `${event} ${job.id} ${job.sent} ${process.hrtime.bigint()}\n`);
}

async function produce() {
  const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } });
  await queue.waitUntilReady();
  console.log('ready');
  let next = 0;
  for await (const order of createInterface({ input: process.stdin })) {
    const [kind, count, extra] = order.split(' ');
    const end = next + Number(count);
    const start = performance.now();
    for (let index = 0; next < end; index += 1) {
      if (kind === 'pace') {
        await sleep(Math.max(0, start + (index * 1000) / Number(extra) - performance.now()));
        await queue.add('noop', make(next, 0));
        next += 1;
        continue;
      }
      const upto = Math.min(end, next + BATCH);
      const jobs = [];
      for (; next < upto; next += 1) jobs.push({ name: 'noop', data: make(next, Number(extra)) });
      await queue.addBulk(jobs);
    }
    console.log('done');
  }
  await queue.close();
}

function work() {
  const run = async ({ data }) => {
    record('s', data);
    if (data.sleep) await sleep(data.sleep);
    record('e', data);
  };
  const worker = new Worker('bench', run, { connection, concurrency: Number(process.env.BENCH_CONCURRENCY) });
  worker.on('error', (error) => console.error(String(error)));
  process.on('SIGTERM', () => worker.close().then(() => process.exit(0)));
}

if (process.argv[2] === 'producer') await produce();
else work();

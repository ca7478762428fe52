export interface Question {
  id: number;
  name: string;
  type: number;
  /** The question as it came, which every answer repeats. */
  raw: Buffer;
}

export const addressType = 1;
export const noError = 0;
export const serverFailure = 2;
export const noSuchName = 3;

const headerBytes = 12;
const timeToLiveSeconds = 5;

/** Reads a query of one question; anything else is nothing to us. */
export function readQuestion(message: Buffer): Question | undefined {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + 5 > message.length) return undefined;
  const raw = message.subarray(headerBytes, at + 5);
  return {
    id: message.readUInt16BE(0),
    name: labels.join('.').toLowerCase(),
    type: message.readUInt16BE(at + 1),
    raw,
  };
}

/** The answer: these IPv4 addresses, or only a code. */
export function writeAnswer(question: Question, code: number, addresses: string[]): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(question.id, 0);
  // An authoritative answer.
  header.writeUInt16BE(0x8400 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  return Buffer.concat([header, question.raw, ...addresses.map(addressRecord)]);
}

function addressRecord(address: string): Buffer {
  const record = Buffer.alloc(16);
  // The name is that of the question, which begins right after the header.
  record.writeUInt16BE(0xc000 | headerBytes, 0);
  record.writeUInt16BE(addressType, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(timeToLiveSeconds, 6);
  record.writeUInt16BE(4, 10);
  Buffer.from(address.split('.').map(Number)).copy(record, 12);
  return record;
}

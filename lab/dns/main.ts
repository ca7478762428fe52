import { createSocket } from 'node:dgram';
import { parseArgs } from 'node:util';
import { KubeClient } from '../cluster/kube-client.ts';
import { addressType, noError, noSuchName, readQuestion, serverFailure, writeAnswer } from './message.ts';
import { lookUp } from './services.ts';

/** The cluster's name service: answers for services, asks nobody else. A look-up is one request to the API server. */
const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: '' },
    address: { type: 'string', default: '' },
  },
});

const client = new KubeClient(values.kubeconfig);
const socket = createSocket('udp4');

async function answer(message: Buffer): Promise<Buffer | undefined> {
  const question = readQuestion(message);
  if (!question) return undefined;
  try {
    const addresses = await lookUp(client, question.name);
    if (!addresses) return writeAnswer(question, noSuchName, []);
    return writeAnswer(question, noError, question.type === addressType ? addresses : []);
  } catch (error) {
    console.error(`${question.name}: ${(error as Error).message}`);
    return writeAnswer(question, serverFailure, []);
  }
}

socket.on('message', (message, sender) => {
  void answer(message).then((reply) => {
    if (reply) socket.send(reply, sender.port, sender.address);
  });
});
socket.bind(53, values.address, () => console.log(`name service on ${values.address}`));

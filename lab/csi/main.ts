import { parseArgs } from 'node:util';
import { ControllerService } from './controller.ts';
import { Faults } from './faults.ts';
import { GroupControllerService } from './group-controller.ts';
import { identityService } from './identity.ts';
import { NodeService } from './node.ts';
import { registrationService } from './registration.ts';
import { loadServices, serve } from './server.ts';
import { VolumeStore } from './store.ts';

const { values } = parseArgs({
  options: {
    socket: { type: 'string', default: '' },
    'registration-socket': { type: 'string', default: '' },
    store: { type: 'string', default: '' },
    faults: { type: 'string', default: '' },
    node: { type: 'string', default: '' },
    protos: { type: 'string', default: '' },
  },
});

const services = loadServices(values.protos);
const store = new VolumeStore(values.store);
const faults = new Faults(values.faults, store);
const controller = new ControllerService(store, values.node);
const groups = new GroupControllerService(store, controller);
const node = new NodeService(store, values.node);

await serve(values.socket, [
  { definition: services.identity, methods: identityService, faults },
  { definition: services.controller, methods: controller.methods(), faults },
  { definition: services.groupController, methods: groups.methods(), faults },
  { definition: services.node, methods: node.methods(), faults },
]);
await serve(values['registration-socket'], [
  { definition: services.registration, methods: registrationService(values.socket), faults },
]);
console.log(`csi.caravel.dev serves on ${values.socket}`);

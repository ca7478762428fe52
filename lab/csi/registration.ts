import { driverName } from './identity.ts';
import type { Methods } from './server.ts';

/** What kubelet asks of a socket that it finds in its plugin folder; stands in for a registrar process. */
export function registrationService(socket: string): Methods {
  return {
    GetInfo: () => ({ type: 'CSIPlugin', name: driverName, endpoint: socket, supported_versions: ['1.0.0'] }),
    NotifyRegistrationStatus: (request) => {
      if (!request.plugin_registered) console.error(`kubelet refused the driver: ${String(request.error)}`);
      return {};
    },
  };
}

import type { Methods } from './server.ts';

export const driverName = 'csi.caravel.dev';

export const identityService: Methods = {
  GetPluginInfo: () => ({ name: driverName, vendor_version: '1' }),
  GetPluginCapabilities: () => ({
    capabilities: [
      { service: { type: 'CONTROLLER_SERVICE' } },
      { service: { type: 'GROUP_CONTROLLER_SERVICE' } },
      { service: { type: 'VOLUME_ACCESSIBILITY_CONSTRAINTS' } },
    ],
  }),
  Probe: () => ({ ready: { value: true } }),
};

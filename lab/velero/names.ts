import { buckets } from '../cluster/buckets.ts';

export const veleroImage = 'localhost/lab-velero:1.18.3';
export const awsPluginImage = 'localhost/lab-velero-plugin-for-aws:1.14.3';

/** Not Caravel's: a folder at the top of a location makes Velero, and Caravel, refuse it. */
export const veleroBucket = buckets[2];

/** Where `lab up --with velero` installs it; tests install more of them in namespaces of their own. */
export const veleroNamespace = 'velero';

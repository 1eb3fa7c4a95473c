/**
 * Writes the bill of materials (SBOM), because a scanner cannot find the packages in a bundle.
 * https://cyclonedx.org/docs/1.6/json/
 */

/**
 * @param {{ name: string, version: string }} about the package that contains the others
 * @param {readonly import('./bundled-packages.js').BundledPackage[]} packages
 * @returns {object} a document of CycloneDX 1.6. It has no time and no random number, so that two builds are equal
 */
export function billOfMaterials(about, packages) {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { type: 'application', 'bom-ref': purl(about), ...about, purl: purl(about) },
    },
    components: packages.map(({ name, version, license }) => ({
      type: 'library',
      'bom-ref': purl({ name, version }),
      name,
      version,
      purl: purl({ name, version }),
      licenses: [{ expression: license }],
    })),
  };
}

/** @param {{ name: string, version: string }} one */
function purl({ name, version }) {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** Starts the job from its bundle. JavaScript, as the file that starts this. */
import { createRequire } from 'node:module';

/** Bytes of the hash that a compiled form begins with. */
const SEAL = 32;

/**
 * With what V8 has compiled of it before: of several hundred functions that a run calls, each would be compiled when it
 * is called first. What V8 cannot use, because another version of Node has made it, it compiles anew and says nothing.
 * @param {string} folder absolute; where `npm run build` has put the bundle
 * @returns the script, and what `main.cache` has to hold of it by now
 */
export function startBundle(folder) {
  const vm = process.getBuiltinModule('node:vm');
  const fs = process.getBuiltinModule('node:fs');
  const file = `${folder}/main.cjs`;
  const cache = `${folder}/main.cache`;
  const text = fs.readFileSync(file, 'utf8');
  const sealed = fs.existsSync(cache) ? fs.readFileSync(cache) : Buffer.alloc(0);
  const compiled = sealed.subarray(SEAL);
  const script = new vm.Script(`(function (require, module) {${text}\n})`, {
    filename: file,
    cachedData: sealOf(text, compiled).equals(sealed.subarray(0, SEAL)) ? compiled : undefined,
  });
  script.runInThisContext()(createRequire(file), { exports: {} });
  const compile = () => {
    const data = script.createCachedData();
    return Buffer.concat([sealOf(text, data), data]);
  };
  return { script, compile };
}

/**
 * V8 looks at the text's length alone, and at nothing of what it has compiled: what belongs to another text, or is
 * damaged, would run.
 * @param {string} text
 * @param {Buffer} compiled
 */
function sealOf(text, compiled) {
  const crypto = process.getBuiltinModule('node:crypto');
  return crypto.createHash('sha256').update(text).update(compiled).digest();
}

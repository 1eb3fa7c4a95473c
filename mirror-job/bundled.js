/** Starts the job from its bundle. JavaScript, as the file that starts this. */
import { createRequire } from 'node:module';

/**
 * With what V8 has compiled of it before: of several hundred functions that a run calls, each would be compiled when it
 * is called first. Where that was another version of Node, or other flags, V8 compiles anew and says nothing.
 * @param {string} folder where `npm run build` has put the bundle
 * @returns the script, which can say what is compiled of it by now
 */
export function startBundle(folder) {
  const vm = process.getBuiltinModule('node:vm');
  const fs = process.getBuiltinModule('node:fs');
  const file = `${folder}/main.cjs`;
  const cache = `${folder}/main.cache`;
  const script = new vm.Script(`(function (require, module) {${fs.readFileSync(file, 'utf8')}\n})`, {
    filename: file,
    cachedData: fs.existsSync(cache) ? fs.readFileSync(cache) : undefined,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  script.runInThisContext()(createRequire(file), { exports: {} });
  return script;
}

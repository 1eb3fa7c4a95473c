/** A file's text, which Vite puts into the module, because workerd reads no files. */
declare module '*?raw' {
  const text: string;
  export default text;
}

/** npm runs this before it packs the clone itself, which would need its packages and a build wherever it is installed. */
process.stderr.write(
  'lifeboat: the clone is not the package. Run "npm run package", which writes it into dist/.\n',
);
process.exitCode = 2;

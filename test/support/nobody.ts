/** An environment without proxies, logins and accounts, for the programs that a test or the bench starts. */

/**
 * The variables to override, because the user of the tests may be logged in to a registry, have a proxy or an AWS
 * account, or work on an AWS machine.
 */
export const NOBODYS = {
  REGISTRY_AUTH_FILE: '',
  HTTP_PROXY: '',
  HTTPS_PROXY: '',
  NO_PROXY: '',
  http_proxy: '',
  https_proxy: '',
  no_proxy: '',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};

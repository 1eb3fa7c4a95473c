import { expect, test } from 'vitest';
import { imagesInGitLabCi } from '../../../../cluster/images/files/gitlab-ci.ts';
import { shown } from './shown.ts';

function images(text: string): string[] {
  return shown(imagesInGitLabCi(text, '.gitlab-ci.yml'));
}

const HUB = 'docker.io/library';
const LIST_THEM = 'List the images that it stands for in a file of their own.';

test.for<[title: string, text: string, expected: string[]]>([
  [
    'at the top',
    'image: ruby:3.3\nservices: [postgres:17]\ntest: { script: x }',
    ['ruby:3.3 (default)', 'postgres:17 (default)'],
  ],
  [
    'in default',
    'default: { image: { name: ruby }, services: [{ name: redis, alias: r }] }',
    ['ruby (default)', 'redis (default)'],
  ],
  [
    'in a job',
    'test: { image: ruby:3.3, services: ["docker:dind"] }',
    ['ruby:3.3 (test)', 'docker:dind (test)'],
  ],
  [
    'an image that no job of this file takes',
    'image: ruby\na: { image: go }\nb: { inherit: { default: false } }\nc: { inherit: { default: [services] } }',
    ['ruby (default)', 'go (a)'],
  ],
  [
    'an image that one job takes',
    'image: ruby\na: { image: go }\nb: { inherit: { default: [image] } }',
    ['ruby (default)', 'go (a)'],
  ],
  ['no image', 'image: ~\ntest: { image: [a], services: ~ }\nvariables: { image: a }\nstages: [image]\n', []],
  ['variables at the top', 'variables: { V: "3.3" }\ntest: { image: "ruby:$V" }', ['ruby:3.3 (test)']],
  [
    'variables with a description',
    'variables: { V: { value: 3.30, description: x } }\ntest: { image: "ruby:${V}" }',
    ['ruby:3.30 (test)'],
  ],
  [
    'variables in variables',
    'variables: { A: "$B-slim", B: "${C}" }\ntest: { variables: { C: "1" }, image: "ruby:$A" }',
    ['ruby:1-slim (test)'],
  ],
  [
    'variables of the job come first',
    'variables: { V: "1" }\ntest: { variables: { V: "2" }, image: "ruby:$V" }',
    ['ruby:2 (test)'],
  ],
  [
    'variables of a job in the image of default',
    'image: "ruby:$V"\nvariables: { V: "1" }\na: { variables: { V: "2" } }\nb: { script: x }',
    ['ruby:1 (default)', 'ruby:2 (a)'],
  ],
  [
    'variables that only jobs have',
    'image: "ruby:$V"\na: { variables: { V: "2" } }\nb: { variables: { V: "3" } }',
    ['ruby:2 (a)', 'ruby:3 (b)'],
  ],
  [
    'a matrix',
    'test: { image: "$I:$V", parallel: { matrix: [{ I: [a, b], V: "1" }, { I: c, V: ["2", "3"] }] } }',
    ['a:1 (test)', 'b:1 (test)', 'c:2 (test)', 'c:3 (test)'],
  ],
  [
    'a job that does not take the image of default',
    'image: "ruby:$V"\na: { variables: { V: "1" }, inherit: { default: false } }\nb: { variables: { V: "2" } }',
    ['ruby:2 (b)'],
  ],
  [
    'a template whose image every job replaces',
    '.a: { image: ruby }\ntest: { extends: .a, image: go }',
    ['go (test)'],
  ],
  [
    'a job that takes some variables of the top',
    'variables: { V: "1", W: "2" }\ntest: { inherit: { variables: [V] }, variables: { W: "3" }, image: "ruby:$V$W" }',
    ['ruby:13 (test)'],
  ],
  ['a number of parallel jobs', 'test: { image: ruby, parallel: 3 }', ['ruby (test)']],
  [
    'extends',
    '.a: { image: "ruby:$V", variables: { V: "1" } }\n.b: { variables: { V: "2" }, services: [redis] }\ntest: { extends: [.a, .b] }\nown: { extends: .a, variables: { V: "3" } }',
    ['ruby:2 (test)', 'redis (test)', 'ruby:3 (own)'],
  ],
  [
    'extends that come back to themselves',
    '.a: { extends: .b }\n.b: { extends: .a, image: ruby }\ntest: { extends: .a }',
    ['ruby (test)'],
  ],
  ['a template for other files', '.a: { image: ruby }', ['ruby (.a)']],
  [
    'a template that an anchor takes over',
    '.a: &a { image: "ruby:$V" }\ntest: { <<: *a, variables: { V: "1" } }',
    ['ruby:1 (test)'],
  ],
  [
    'references',
    '.a: { image: ruby, services: [redis, [mysql]], variables: { V: "1" } }\ntest: { image: !reference [.a, image], services: [!reference [.a, services], "go:$V"], variables: !reference [.a, variables] }',
    ['ruby (test)', 'redis (test)', 'mysql (test)', 'go:1 (test)'],
  ],
  [
    'a reference to itself',
    'test: { image: !reference [test, image], services: &s [*s, redis] }',
    ['redis (test)'],
  ],
  ['a header', 'spec: { inputs: { image: { default: x } } }\n---\ntest: { image: ruby }', ['ruby (test)']],
])('%s', ([, text, expected]) => {
  expect(images(text)).toEqual(expected.map((image) => `${HUB}/${image}`));
});

test.for<[image: string, reason: string]>([
  [
    'ruby:$V',
    `the file gives V no value. Give it one in "variables". If GitLab's settings have it: ${LIST_THEM}`,
  ],
  [
    'ruby:$SELF',
    `the file gives SELF no value. Give it one in "variables". If GitLab's settings have it: ${LIST_THEM}`,
  ],
  ['ruby:$CI_COMMIT_SHA', `CI_COMMIT_SHA gets its value from GitLab when a pipeline runs. ${LIST_THEM}`],
  [
    '$CI_REGISTRY_IMAGE/base:1',
    "CI_REGISTRY_IMAGE is the project's own image, in the registry of its GitLab. Name it in a file of its own if it is needed.",
  ],
  [
    '${CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX}/alpine',
    "CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX leads to GitLab's own cache of Docker Hub. Name the image of Docker Hub in a file of its own.",
  ],
  ['$[[ inputs.image ]]', `an input of the pipeline is part of its name. ${LIST_THEM}`],
  ['${V:-ruby}', '"${V:-" is not understood. Write "${V}", or the name without variables.'],
])('%s gives a problem', ([image, reason]) => {
  expect(images(`variables: { SELF: "a$SELF" }\ntest:\n  image: ${JSON.stringify(image)}\n`)).toEqual([
    `! .gitlab-ci.yml:3: The image "${image}" was left out: ${reason}`,
  ]);
});

test('a variable that is not expanded keeps its dollar, and one that is not taken has no value', () => {
  const raw = 'variables: { V: { value: "a$W", expand: false }, W: "1" }\ntest: { image: "ruby:$V" }';
  expect(images(raw).join()).toContain('"a$W" is not a valid name');
  const none = 'variables: { V: "1" }\ntest: { inherit: { variables: false }, image: "ruby:$V" }';
  expect(images(none).join()).toContain('the file gives V no value');
});

test('one problem names all included files', () => {
  const text = `image: ruby
include:
  - /ci/a.yml
  - { local: ci/b.yml }
  - { project: group/p, ref: main, file: [c.yml, d.yml] }
  - { template: Jobs/Build.gitlab-ci.yml }
`;
  expect(images(text)).toEqual([
    '! .gitlab-ci.yml:2: These included files were not read: /ci/a.yml, local ci/b.yml, project group/p file c.yml and d.yml, template Jobs/Build.gitlab-ci.yml. Name those that are on this machine on the command line too.',
    `${HUB}/ruby (default)`,
  ]);
  expect(images('include: a.yml')).toHaveLength(1);
});

test('variables that double each other give a problem, and not a text without end', () => {
  const doubling = Array.from({ length: 100 }, (_, index) => `A${index + 1}: "$A${index}$A${index}"`);
  const text = `variables: { A0: xx, ${doubling.join(', ')} }\ntest: { image: $A100 }`;
  expect(images(text)).toEqual([
    '! .gitlab-ci.yml:2: The image "$A100" was left out: its variables make it too long. Write the name without them.',
  ]);
});

test('a mention says of which file and job it is', () => {
  expect([...imagesInGitLabCi('a: { image: b }', 'x.gitlab-ci.yml')]).toEqual([
    {
      kind: 'mention',
      reference: { repository: `${HUB}/b`, tag: undefined, digest: undefined },
      use: { kind: 'gitlab-ci', name: 'x.gitlab-ci.yml', container: 'a', how: 'spec' },
    },
  ]);
});

/** The rule by which the simulated configuration selects tags: all of them. */
import type { Selection } from '../../mirror-job/engine/selection/selection.ts';

export const ALL_TAGS: Selection = {
  explicit: [],
  rules: { include: [], versions: undefined, exclude: [], latest: undefined, minTags: 0 },
};

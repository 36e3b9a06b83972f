/**
 * API keys of the requests that Tocsin builds itself: https://kafka.apache.org/protocol#protocol_api_keys
 * `GroupCoordinator` is kafkajs' name for FindCoordinator.
 */
export const apiKeys = {
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  GroupCoordinator: 10,
  DescribeGroups: 15,
  ListGroups: 16,
  DescribeConfigs: 32,
  IncrementalAlterConfigs: 44,
} as const;

export type RequestName = keyof typeof apiKeys;

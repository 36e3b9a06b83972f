import kafkajs from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';

export interface AlterConfigsResponse {
  /** Error code of the Kafka protocol; 0 is success. */
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** OpType of IncrementalAlterConfigs. */
const SET_OPERATION = 0;

/**
 * IncrementalAlterConfigs (API key 44, version 0, Kafka 2.3 and later) as a kafkajs request. kafkajs only implements AlterConfigs,
 * which resets every config that the request does not name, so its caller must first read all of them from a broker that may be stale.
 */
export const incrementalAlterConfigs = {
  versions: ['0'],
  protocol: () => alterTopicConfigs,
};

const alterTopicConfigs = ({ topic, config }: { topic: string; config: Readonly<Record<string, string>> }) => ({
  request: { apiKey: 44, apiVersion: 0, apiName: 'IncrementalAlterConfigs', encode: () => Promise.resolve(encodeRequest(topic, config)) },
  response: { decode: (response: Buffer) => Promise.resolve(decodeResponse(response)) },
});

function encodeRequest(topic: string, config: Readonly<Record<string, string>>): Encoder {
  const settings = Object.entries(config).map(([name, value]) => new Encoder().writeString(name).writeInt8(SET_OPERATION).writeString(value));
  return new Encoder()
    .writeArray([new Encoder().writeInt8(kafkajs.ConfigResourceTypes.TOPIC).writeString(topic).writeArray(settings)])
    .writeBoolean(false);
}

function decodeResponse(response: Buffer): AlterConfigsResponse {
  const decoder = new Decoder(response);
  // throttle_time_ms, then the number of topics: one, whose name comes last.
  decoder.readInt32();
  decoder.readInt32();
  return { errorCode: decoder.readInt16(), errorMessage: decoder.readString() };
}

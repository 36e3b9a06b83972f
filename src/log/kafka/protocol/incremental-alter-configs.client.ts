import kafkajs from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';

export interface AlterConfigsResponse {
  /** Kafka's number; 0 is none. */
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** Kafka's number of what is done to each setting. */
const SET_OPERATION = 0;

/**
 * IncrementalAlterConfigs (key 44, version 0, Kafka 2.3 and later) as kafkajs wants a request to be. kafkajs itself knows only the older
 * request, which takes every setting away that it does not name; whoever sends it must have read them all, from a broker that may be behind.
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
  // How long the broker was made to wait, and how many topics it tells of: the one we asked for, whose name comes last.
  decoder.readInt32();
  decoder.readInt32();
  return { errorCode: decoder.readInt16(), errorMessage: decoder.readString() };
}

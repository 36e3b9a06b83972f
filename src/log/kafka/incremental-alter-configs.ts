import kafkajs from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';

export interface AlterAnswer {
  readonly throttleTime: number;
  readonly resources: readonly { readonly errorCode: number; readonly errorMessage: string | null }[];
}

const TOPIC = kafkajs.ConfigResourceTypes.TOPIC;
/** Kafka's number of what is done to each setting. */
const SET = 0;

/**
 * IncrementalAlterConfigs (key 44, version 0, Kafka 2.3 and later) as kafkajs wants a request to be. kafkajs itself knows only the older
 * request, which takes every setting away that it does not name; whoever sends it must have read them all, from a broker that may be behind.
 */
export const incrementalAlterConfigs = {
  versions: ['0'],
  protocol: () => alterTopic,
};

const alterTopic = ({ topic, config }: { topic: string; config: Readonly<Record<string, string>> }) => ({
  request: { apiKey: 44, apiVersion: 0, apiName: 'IncrementalAlterConfigs', encode: () => Promise.resolve(encode(topic, config)) },
  response: { decode: (answer: Buffer) => Promise.resolve(decode(answer)) },
});

function encode(topic: string, config: Readonly<Record<string, string>>): Encoder {
  const settings = Object.entries(config).map(([name, value]) => new Encoder().writeString(name).writeInt8(SET).writeString(value));
  return new Encoder().writeArray([new Encoder().writeInt8(TOPIC).writeString(topic).writeArray(settings)]).writeBoolean(false);
}

function decode(answer: Buffer): AlterAnswer {
  const decoder = new Decoder(answer);
  const throttleTime = decoder.readInt32();
  const resources = decoder.readArray((each) => {
    const told = { errorCode: each.readInt16(), errorMessage: each.readString() };
    // Which resource it is about; there is but one.
    each.readInt8();
    each.readString();
    return told;
  });
  return { throttleTime, resources };
}

import { Injectable, Module, type Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DecoratorsModule } from './discovery.module.js';
import { Discovery, MethodDecoration } from './discovery.service.js';

const greeting = new MethodDecoration<string, (whom: string) => string>('greeting');

@Injectable()
class English {
  readonly #word = 'hello';

  @greeting.with('en')
  greet(whom: string): string {
    return `${this.#word} ${whom}`;
  }

  silent(): void {}
}

@Injectable()
class French {
  @greeting.with('fr')
  salue(whom: string): string {
    return `salut ${whom}`;
  }
}

@Injectable()
class OldEnglish {
  @greeting.with('en')
  greet(whom: string): string {
    return `hail ${whom}`;
  }
}

async function discoveryOf(...providers: Provider[]): Promise<Discovery> {
  @Module({ providers })
  class SomeModule {}
  return (await Test.createTestingModule({ imports: [DecoratorsModule, SomeModule] }).compile()).get(Discovery);
}

describe('decorated methods', () => {
  it('are found in every module, bound to their objects, with what the decorator was given', async () => {
    const found = (await discoveryOf(English, French)).methods(greeting);
    expect(found.map(({ metadata, call, where }) => [metadata, call('you'), where])).toEqual([
      ['en', 'hello you', 'English.greet'],
      ['fr', 'salut you', 'French.salue'],
    ]);
  });

  it('are found once, although their object has two names', async () => {
    const discovery = await discoveryOf(English, { provide: 'alias', useExisting: English });
    expect(discovery.methods(greeting)).toHaveLength(1);
  });

  it('must not share a name', async () => {
    const discovery = await discoveryOf(English, OldEnglish);
    const names = () => discovery.named(greeting, (language) => language);
    expect(names).toThrow('the greeting "en" is declared twice: by English.greet and by OldEnglish.greet');
  });
});

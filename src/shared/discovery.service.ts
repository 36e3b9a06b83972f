import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';

type Method = (...args: never[]) => unknown;

/** A decorated method, bound to the provider or controller that declares it. */
export interface DecoratedMethod<M, F extends Method> {
  /** Argument of the decorator. */
  readonly metadata: M;
  readonly call: F;
  /** For error messages: `Class.method`. */
  readonly where: string;
}

/** A kind of method decorator: metadata under a key of its own, on methods of one signature. */
export class MethodDecoration<M, F extends Method> {
  /** `kind` names the decorated thing in error messages. */
  constructor(
    readonly kind: string,
    readonly key = Symbol(kind),
  ) {}

  /** The decorator. A method of another signature does not compile. */
  with(metadata: M) {
    return <T extends F>(_target: object, _name: string, descriptor: TypedPropertyDescriptor<T>): void => {
      Reflect.defineMetadata(this.key, metadata, descriptor.value!);
    };
  }
}

/** Finds decorated methods in all modules of the application, regardless of their order. Complete once every provider is created. */
@Injectable()
export class Discovery {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  methods<M, F extends Method>({ key }: MethodDecoration<M, F>): DecoratedMethod<M, F>[] {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    const instances = new Set(wrappers.map(({ instance }): unknown => instance).filter((each) => each instanceof Object));
    return [...instances].flatMap((instance) => this.#methodsOf<M, F>(instance as Record<string, F>, key));
  }

  /** {@link methods} by their names. Throws when a name is declared twice. */
  named<M, F extends Method>(decoration: MethodDecoration<M, F>, nameOf: (metadata: M) => string): Map<string, DecoratedMethod<M, F>> {
    const found = new Map<string, DecoratedMethod<M, F>>();
    for (const method of this.methods(decoration)) {
      const name = nameOf(method.metadata);
      const other = found.get(name);
      if (other) throw new Error(`the ${decoration.kind} "${name}" is declared twice: by ${other.where} and by ${method.where}`);
      found.set(name, method);
    }
    return found;
  }

  #methodsOf<M, F extends Method>(instance: Record<string, F>, key: symbol): DecoratedMethod<M, F>[] {
    const prototype = Object.getPrototypeOf(instance) as Record<string, F>;
    return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
      const metadata = Reflect.getMetadata(key, prototype[name]!) as M | undefined;
      if (metadata === undefined) return [];
      return [{ metadata, call: instance[name]!.bind(instance) as unknown as F, where: `${instance.constructor.name}.${name}` }];
    });
  }
}

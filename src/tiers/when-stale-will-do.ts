import type { Clock, Timer } from '../clock.js';
import { mayStandIn, servesAtOnce } from '../entries/freshness.js';
import type { Flight, Patience } from './flight.js';

export interface StaleAnswer {
  /** `answer` is called once at most. */
  begin(answer: (value: unknown) => void): void;
  end(): void;
}

/** The stand-in is enough for somebody so patient at once, or from a time on, or as soon as it is found then. */
export function whenStaleWillDo(
  flight: Flight,
  { swr, softTimeout }: Patience,
  { clock, onStandIn }: { readonly clock: Clock; readonly onStandIn: (flight: Flight) => void },
): StaleAnswer {
  // Not asked of the clock: a timer may run a moment before its time.
  let isLate = softTimeout === 0;
  let timer: Timer | undefined;
  let see = () => {};
  const end = () => {
    timer?.cancel();
    flight.onOffer.delete(see);
  };
  return {
    end,
    begin(answer) {
      see = () => {
        const { standIn } = flight;
        const now = clock.now();
        if (!mayStandIn(standIn, now)) return;
        if (!servesAtOnce(standIn, swr, now) && !isLate) return;
        end();
        onStandIn(flight);
        answer(standIn.value);
      };
      flight.onOffer.add(see);
      const onLate = () => {
        isLate = true;
        see();
      };
      if (Number.isFinite(softTimeout)) timer = clock.schedule(softTimeout, onLate, 'awaited');
      see();
    },
  };
}

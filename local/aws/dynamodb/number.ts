/**
 * Owns: DynamoDB's numbers: exact decimals of up to 38 digits kept as normalised text, their order, sum and size.
 * Must not: pass a number through a float unless it is short enough to be exact there.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
 */
import { notModelled, validation } from "./errors.js";

/** The value is 0.`digits` × 10^`exponent`; `digits` has no zero at either end and is empty for zero. */
interface Decimal {
  negative: boolean;
  digits: string;
  exponent: number;
}

const MAX_DIGITS = 38;
/** 9.99…E+125 and 1E-130, the largest and smallest magnitudes, as exponents of 0.digits. */
const MAX_EXPONENT = 126;
const MIN_EXPONENT = -129;
/** Text of at most this length holds at most 15 digits, which a float keeps exactly and in order. */
const EXACT_TEXT_LENGTH = 15;
const SHORT_INTEGER = /^(?:0|-?[1-9][0-9]{0,13})$/;
const NUMBER = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/;

/** The text under which DynamoDB gives a number back; equal numbers have equal texts. Refuses what is no number. */
export function normaliseNumber(text: string): string {
  if (SHORT_INTEGER.test(text)) return text;
  const decimal = parseDecimal(text);
  if (decimal === undefined) throw notANumber(text);
  if (decimal.digits.length > MAX_DIGITS) {
    throw validation("Attempting to store more than 38 significant digits in a Number");
  }
  refuseOutOfRange(decimal);
  return formatDecimal(decimal);
}

function notANumber(text: string): Error {
  const suffix = text === "" ? "" : `: ${text}`;
  return validation(`The parameter cannot be converted to a numeric value${suffix}`);
}

function refuseOutOfRange(decimal: Decimal): void {
  if (decimal.digits === "") return;
  if (decimal.exponent > MAX_EXPONENT) {
    throw validation("Number overflow. Attempting to store a number with magnitude larger than supported range");
  }
  if (decimal.exponent < MIN_EXPONENT) {
    throw validation("Number underflow. Attempting to store a number with magnitude smaller than supported range");
  }
}

function parseDecimal(text: string): Decimal | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", power = "0"] = match;
  const all = whole + fraction;
  if (all === "") return undefined;
  const significant = all.replace(/^0+/, "");
  const leadingZeros = all.length - significant.length;
  const digits = stripTrailingZeros(significant);
  if (digits === "") return { negative: false, digits, exponent: 0 };
  return { negative: sign === "-", digits, exponent: whole.length + Number(power) - leadingZeros };
}

/** A loop, because a regular expression anchored at the end is quadratic in long runs of zeros. */
function stripTrailingZeros(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x30) end -= 1;
  return text.slice(0, end);
}

function formatDecimal({ negative, digits, exponent }: Decimal): string {
  if (digits === "") return "0";
  const sign = negative ? "-" : "";
  if (exponent <= 0) return `${sign}0.${"0".repeat(-exponent)}${digits}`;
  if (exponent >= digits.length) return sign + digits + "0".repeat(exponent - digits.length);
  return `${sign}${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
}

/** The decimal of a text that `normaliseNumber` has accepted. */
function decimalOf(normalised: string): Decimal {
  return parseDecimal(normalised) ?? { negative: false, digits: "", exponent: 0 };
}

/** Below zero, zero or above zero as `a` is below, equal to or above `b`. */
export function compareNumbers(a: string, b: string): number {
  if (a === b) return 0;
  if (a.length <= EXACT_TEXT_LENGTH && b.length <= EXACT_TEXT_LENGTH) return Number(a) - Number(b);
  return numberOrderText(a) < numberOrderText(b) ? -1 : 1;
}

/** A text that sorts, compared code unit by code unit, as the number sorts among numbers. */
export function numberOrderText(normalised: string): string {
  const { negative, digits, exponent } = decimalOf(normalised);
  if (digits === "") return "1";
  const biased = exponent + 500;
  if (!negative) return `2${biased}${digits}`;
  // A larger magnitude is a smaller number, so everything is complemented; ":" sorts after the digits, which puts
  // -0.12 after -0.123.
  const complement = digits.replace(/[0-9]/g, (digit) => String(9 - Number(digit)));
  return `0${999 - biased}${complement}:`;
}

export function addNumbers(a: string, b: string): string {
  if (SHORT_INTEGER.test(a) && SHORT_INTEGER.test(b)) return String(Number(a) + Number(b));
  return addDecimals(decimalOf(a), decimalOf(b));
}

export function subtractNumbers(a: string, b: string): string {
  if (SHORT_INTEGER.test(a) && SHORT_INTEGER.test(b)) return String(Number(a) - Number(b));
  const subtrahend = decimalOf(b);
  return addDecimals(decimalOf(a), { ...subtrahend, negative: !subtrahend.negative });
}

function addDecimals(a: Decimal, b: Decimal): string {
  const scale = Math.min(a.exponent - a.digits.length, b.exponent - b.digits.length);
  const sum = scaledInteger(a, scale) + scaledInteger(b, scale);
  const result = parseDecimal(`${sum}e${scale}`) ?? a;
  if (result.digits.length > MAX_DIGITS) {
    // What the service does here (round, and how, or refuse) is not documented.
    throw notModelled("arithmetic", "a result of more than 38 digits", "operands closer in magnitude");
  }
  refuseOutOfRange(result);
  return formatDecimal(result);
}

function scaledInteger({ negative, digits, exponent }: Decimal, scale: number): bigint {
  if (digits === "") return 0n;
  const magnitude = BigInt(digits) * 10n ** BigInt(exponent - digits.length - scale);
  return negative ? -magnitude : magnitude;
}

/**
 * Bytes a number takes in an item: one for two digits, paired from the decimal point as base 100 has it, one more for the
 * exponent and one for a minus sign. AWS calls its own description of this rule approximate.
 */
export function numberSizeBytes(normalised: string): number {
  if (SHORT_INTEGER.test(normalised)) return shortIntegerSizeBytes(normalised);
  const { negative, digits, exponent } = decimalOf(normalised);
  if (digits === "") return 1;
  const unpairedFirst = Math.abs(exponent) % 2;
  return Math.ceil((digits.length + unpairedFirst) / 2) + 1 + (negative ? 1 : 0);
}

/** The same, without taking the number apart: most numbers are counters and times. */
function shortIntegerSizeBytes(text: string): number {
  if (text === "0") return 1;
  const signBytes = text.startsWith("-") ? 1 : 0;
  const places = text.length - signBytes;
  const digits = stripTrailingZeros(text).length - signBytes;
  return Math.ceil((digits + (places % 2)) / 2) + 1 + signBytes;
}

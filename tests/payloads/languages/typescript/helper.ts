export function word(): string {
  return "helped";
}

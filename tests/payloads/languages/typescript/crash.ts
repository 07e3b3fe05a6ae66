interface Box {
  inner: { field: number } | null;
}
const box: Box = { inner: null };
console.log(box.inner!.field);

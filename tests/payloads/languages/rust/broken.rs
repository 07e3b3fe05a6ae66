fn main() {
    println!("never");
    let value: i32 = "three";
}

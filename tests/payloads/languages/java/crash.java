public class Main {
    public static void main(String[] args) {
        String nothing = null;
        System.out.println(nothing.length());
    }
}

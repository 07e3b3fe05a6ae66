public class Main {
    static int value
    = = 3;

    public static void main(String[] args) {}
}

class Helper {
    static String word() {
        return "hello";
    }
}

public class Program {
    public static void main(String[] args) {
        System.out.println(Helper.word());
    }
}

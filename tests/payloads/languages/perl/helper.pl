sub word { 'helped' }
1;

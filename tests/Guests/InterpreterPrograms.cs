using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>perl, python, lua, sqlite: large programs with indirect jumps and libm.</summary>
public sealed class InterpreterPrograms : IProgramTable
{
    public static IReadOnlyList<GuestProgram> Programs { get; } = new GuestProgram[]
    {
        Run("perl-hello", "perl -e 'print \"hello $]\\n\"; exit 5'"),
        Run("perl-words", "perl words.pl text", "words.pl", "text"),
        Run("perl-numbers", "perl numbers.pl", "numbers.pl"),
        Run("perl-processes", "perl processes.pl", "processes.pl"),
        Run("python-hello", "/usr/bin/python3 -c 'import sys; print(\"hello\", sys.version_info[:2]); sys.exit(3)'"),
        Run("python-traceback", "/usr/bin/python3 -c 'def f(n): return 1 // n\nf(0)'"),
        Run("python-numbers", "/usr/bin/python3 numbers.py", "numbers.py"),
        Run("python-collections", "/usr/bin/python3 collections_and_text.py text data.json", "collections_and_text.py", "text", "data.json"),
        Run("python-threads", "/usr/bin/python3 threads.py", "threads.py"),
        Run("python-processes", "/usr/bin/python3 processes.py", "processes.py"),
        Run("python-hashes", "/usr/bin/python3 hashes.py binary", "hashes.py", "binary"),
        Run("lua-benchmarks", "lua5.4 benchmarks.lua", "benchmarks.lua"),
        Run("lua-strings", "lua5.4 -e 'for w in (\"one two three\"):gmatch(\"%a+\") do io.write(w:upper():reverse(), \" \") end print(string.format(\"%5.2f %q %x %a\", math.pi, \"a\\nb\", 255, 0.1))'"),
        Run("lua-error", "lua5.4 -e 'local t = nil; print(pcall(error, 1)); t.x = 1'"),
        Run("sqlite-100000-rows", "sqlite3 test.db '.read rows.sql'", "rows.sql") with { CompareFiles = false, Limit = TimeSpan.FromMinutes(4) },
        Run("sqlite-memory", "sqlite3 :memory: 'create table t(a, b text); with recursive c(x) as (select 1 union all select x+1 from c where x<2000) insert into t select x, printf(\"%05d-%s\", x*x%997, hex(x)) from c; select count(*), sum(a), max(b), group_concat(a%7, \"\") from t where b like \"%5-%\"; select * from t order by b desc limit 5;'"),
    }.InTiers(Tiers.NotCompiled, "perl-hello", "python-hello", "lua-strings", "sqlite-memory");
}

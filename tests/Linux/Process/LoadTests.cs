using System.Buffers.Binary;
using System.Text;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Linux.Process;

/// <summary>Files that are not programs end in one clear line and the exit code shells use.</summary>
[Trait("Program", "Guest")]
public sealed class LoadTests
{
    private const int NotExecutable = 126;
    private const int NotFound = 127;
    private const int FirstSegment = 64;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    public static TheoryData<string, string> BadFiles { get; } = new()
    {
        { "text", "not an ELF program or a script" },
        { "empty", "not an ELF program or a script" },
        { "short", "the ELF header is truncated" },
        { "arm", "another architecture (AArch64)" },
        { "class32", "another architecture (i386)" },
        { "object", "is an ELF file of type 1" },
        { "noheaders", "no usable program headers" },
        { "headers-past-end", "program headers are truncated" },
        { "segment-past-end", "the file is truncated" },
        { "overlap", "overlaps another" },
        { "absurd", "does not fit into memory" },
        { "unaligned", "not aligned" },
        { "more-in-file", "more bytes in the file than in memory" },
        { "low", "below the lowest address" },
        { "interpreter-unterminated", "interpreter is truncated" },
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void A_bad_file_is_refused_in_one_line(string kind, string message)
    {
        (int status, string errors) = RunFile(Make(kind), 0x1ed);
        Assert.Equal(NotExecutable, status);
        Assert.Contains(message, errors, StringComparison.Ordinal);
        Assert.Equal(1, errors.Count(c => c == '\n'));
    }

    [Fact]
    public void A_missing_interpreter_is_named()
    {
        byte[] image = Make("good");
        (int status, string errors) = RunFile(WithInterpreter(image, "/no/such/loader\0"), 0x1ed);
        Assert.Equal(NotFound, status);
        Assert.Contains("its interpreter /no/such/loader: no such file", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_script_with_a_missing_interpreter_is_named()
    {
        (int status, string errors) = RunFile(Encoding.ASCII.GetBytes("#!/no/such/shell\n"), 0x1ed);
        Assert.Equal(NotFound, status);
        Assert.Contains("its interpreter /no/such/shell: no such file", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_execute_permission_is_refused()
    {
        (int status, string errors) = RunFile(Make("good"), 0x1a4);
        Assert.Equal(NotExecutable, status);
        Assert.Contains("is not executable", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void The_smallest_program_runs()
    {
        (int status, string errors) = RunFile(Make("good"), 0x1ed);
        Assert.Equal((42, ""), (status, errors));
    }

    private static (int Status, string Errors) RunFile(byte[] contents, int mode)
    {
        string folder = Directory.CreateTempSubdirectory("jitvmm-load-").FullName;
        try
        {
            string path = Path.Combine(folder, "program");
            File.WriteAllBytes(path, contents);
            File.SetUnixFileMode(path, (UnixFileMode)mode);
            ProgramOutcome outcome = NativeProcess.Run([ProgramComparison.Vmm, "run", "./program"], folder, "", s_limit);
            return (outcome.Status, Encoding.UTF8.GetString(outcome.Errors));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] Make(string kind)
    {
        byte[] image = Program();
        switch (kind)
        {
            case "text":
                return Encoding.ASCII.GetBytes("hello, world\n");
            case "empty":
                return [];
            case "short":
                return image[..40];
            case "arm":
                image[18] = 183;
                break;
            case "class32":
                image[4] = 1;
                image[18] = 3;
                break;
            case "object":
                image[16] = 1;
                break;
            case "noheaders":
                image[56] = 0;
                break;
            case "headers-past-end":
                Put(image, 32, 100_000);
                break;
            case "segment-past-end":
                Put(image, FirstSegment + 32, 1 << 20);
                Put(image, FirstSegment + 40, 1 << 20);
                break;
            case "overlap":
                image.AsSpan(FirstSegment, 56).CopyTo(image.AsSpan(FirstSegment + 56));
                image[56] = 2;
                break;
            case "absurd":
                Put(image, FirstSegment + 40, 1ul << 60);
                break;
            case "unaligned":
                Put(image, FirstSegment + 16, 0x400123);
                break;
            case "more-in-file":
                Put(image, FirstSegment + 40, 1);
                break;
            case "low":
                Put(image, FirstSegment + 16, 0);
                break;
            case "interpreter-unterminated":
                return WithInterpreter(image, "/lib/loader");
        }

        return image;
    }

    /// <summary>An ELF program of one segment that exits with 42, with room for a second program header.</summary>
    private static byte[] Program()
    {
        const int Code = 0x100;
        byte[] image = new byte[0x200];
        "\u007fELF"u8.CopyTo(image);
        image[4] = 2;
        image[5] = 1;
        image[6] = 1;
        image[16] = 2;
        image[18] = 62;
        image[20] = 1;
        Put(image, 24, 0x400000 + Code);
        Put(image, 32, FirstSegment);
        image[52] = 64;
        image[54] = 56;
        image[56] = 1;
        image[FirstSegment] = 1;
        image[FirstSegment + 4] = 5;
        Put(image, FirstSegment + 16, 0x400000);
        Put(image, FirstSegment + 32, (ulong)image.Length);
        Put(image, FirstSegment + 40, (ulong)image.Length);
        Put(image, FirstSegment + 48, 0x1000);

        // mov edi, 42; mov eax, 231; syscall
        ReadOnlySpan<byte> code = [0xbf, 42, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05];
        code.CopyTo(image.AsSpan(Code));
        return image;
    }

    private static byte[] WithInterpreter(byte[] image, string path)
    {
        const int Text = 0x180;
        Encoding.ASCII.GetBytes(path).CopyTo(image, Text);
        image[56] = 2;
        image[FirstSegment + 56] = 3;
        Put(image, FirstSegment + 56 + 8, Text);
        Put(image, FirstSegment + 56 + 32, (ulong)path.Length);
        return image;
    }

    private static void Put(byte[] image, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(offset), value);
}

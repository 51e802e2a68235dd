using System.Buffers.Binary;
using Jitvmm.Linux.Files;
using Jitvmm.Linux.Loading;
using Jitvmm.Linux.Mappings;
using Jitvmm.Runtime.Memory;
using Jitvmm.Tests.Differential;

namespace Jitvmm.Tests.Linux.Process;

/// <summary>Programs with damaged headers are loaded or refused by a <see cref="LoadException"/>; nothing else is thrown, and nothing outside the window is touched.</summary>
[Collection(GuestMemoryCollection.Name)]
public sealed class LoaderFuzzTests
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int DefaultRounds = 1_500;
    private static readonly ulong[] s_numbers =
        [0, 1, 2, 3, 56, 64, 0xfff, 0x1000, 0x1001, 0x10000, 0x400000, 0x7fffffff, 0x80000000, 0xffffffff, 1ul << 40, (1ul << 46) - 4096, 1ul << 46, 1ul << 47, 1ul << 63, ulong.MaxValue - 4095, ulong.MaxValue];

    /// <summary>More rounds, and another seed for each, for long runs.</summary>
    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("JITVMM_FUZZ_ROUNDS"), out int rounds) ? rounds : DefaultRounds;

    [Theory]
    [InlineData("/bin/true", 20261)]
    [InlineData("prebuilt/futex", 20262)]
    public void Damaged_headers_are_loaded_or_refused(string program, int seed)
    {
        byte[] original = File.ReadAllBytes(program.StartsWith('/') ? program : Path.Combine(Tidy.RepositoryRoot.Path, "tests/Guests/programs", program));
        string path = Path.Combine(Path.GetTempPath(), $"jitvmm-fuzz-{Environment.ProcessId}-{seed}");
        using var memory = new AddressSpace();
        var map = new MemoryMap(memory, 0);
        int loaded = 0;
        int refused = 0;
        try
        {
            for (int round = 0; round < Rounds; round++)
            {
                var random = new Random(seed + (round * 7919));
                byte[] image = Damage(original, random);
                File.WriteAllBytes(path, image);
                try
                {
                    Load(path, memory, map);
                    loaded++;
                }
                catch (LoadException error)
                {
                    Assert.DoesNotContain('\n', error.Message);
                    refused++;
                }
                catch (Exception error)
                {
                    Assert.Fail($"{program}, seed {seed}, round {round}: {error}");
                }

                map.Clear();
            }
        }
        finally
        {
            File.Delete(path);
        }

        Assert.True(loaded > 0 && refused > 0, $"{loaded} loaded, {refused} refused");
    }

    private static void Load(string path, AddressSpace memory, MemoryMap map)
    {
        byte[] name = System.Text.Encoding.UTF8.GetBytes(path);
        int fd = HostFile.OpenTrusted(name, OpenFlags.ReadOnly);
        Assert.True(fd >= 0);
        using var file = new ExecutableFile(new OpenFile(fd, FileKind.Regular), name, name);
        ElfImage image = ElfImage.Read(file);
        new ProgramLoader(memory, map).Load(image, file, null, null);
    }

    private static byte[] Damage(byte[] original, Random random)
    {
        byte[] image = random.Next(12) == 0 ? original[..random.Next(original.Length)] : (byte[])original.Clone();
        if (image.Length < 2 * HeaderSize)
        {
            return image;
        }

        int headers = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(original.AsSpan(56)), (image.Length - HeaderSize) / ProgramHeaderSize);
        int end = HeaderSize + (headers * ProgramHeaderSize);
        for (int change = random.Next(1, 5); change > 0; change--)
        {
            switch (random.Next(5))
            {
                case 0:
                    image[random.Next(end)] = (byte)random.Next(256);
                    break;
                case 1:
                    image[random.Next(end)] ^= (byte)(1 << random.Next(8));
                    break;
                case 2 when headers > 1:
                    image.AsSpan(HeaderSize + (random.Next(headers) * ProgramHeaderSize), ProgramHeaderSize)
                        .CopyTo(image.AsSpan(HeaderSize + (random.Next(headers) * ProgramHeaderSize)));
                    break;
                default:
                    int field = (random.Next(3) == 0 ? 24 : HeaderSize + (random.Next(headers) * ProgramHeaderSize)) + (8 * random.Next(7));
                    ulong value = random.Next(3) == 0 ? (ulong)random.NextInt64() >> random.Next(63) : s_numbers[random.Next(s_numbers.Length)];
                    BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(Math.Min(field, image.Length - 8)), value);
                    break;
            }
        }

        return image;
    }
}

using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Pci;
using Jitvmm.Devices.Virtio;

namespace Jitvmm.Tests.Devices;

/// <summary>Random registers, rings and descriptors: nothing may throw or hang, and nothing outside RAM can be reached because there is nothing else.</summary>
public sealed class VirtioFuzzTests
{
    /// <summary>Operations of each seed; a nightly run sets JITVMM_FUZZ to a multiple.</summary>
    private static readonly int s_operations = 10_000 * (int.TryParse(Environment.GetEnvironmentVariable("JITVMM_FUZZ"), out int factor) ? factor : 1);

    [Theory]
    [InlineData("block", 1)]
    [InlineData("block", 2)]
    [InlineData("random", 3)]
    [InlineData("console", 4)]
    public void Nothing_a_driver_does_breaks_a_device(string kind, int seed)
    {
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, new byte[1 << 16]);
        using var disk = new DiskImage(path, false);
        try
        {
            PciFunction? function = null;
            using var driver = new VirtioDriver(d => function = Create(kind, d, disk));
            Attack(driver, new Random(seed));
            (function as IDisposable)?.Dispose();
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static VirtioDevice Create(string kind, VirtioDriver driver, DiskImage disk) => kind switch
    {
        "block" => new VirtioBlock(disk, "fuzz", 2, driver.Memory, driver.Machine.Bus, false),
        "random" => new VirtioRandom(driver.Memory, driver.Machine.Bus, 1),
        _ => new VirtioConsole(driver.Memory, driver.Machine.Bus, new ByteChannel(64), new ByteChannel(64)),
    };

    private static void Attack(VirtioDriver driver, Random random)
    {
        byte[] noise = new byte[64];
        for (int i = 0; i < s_operations; i++)
        {
            switch (random.Next(12))
            {
                case 0:
                    _ = driver.Start((ulong)random.NextInt64(), 0);
                    break;
                case 1:
                    driver.Write(random.Next(0x4000), 1 << random.Next(4), Interesting(random));
                    break;
                case 2:
                    _ = driver.Read(random.Next(0x4000), 1 << random.Next(4));
                    break;
                case 3:
                    driver.WriteConfig(4 * random.Next(64), (uint)Interesting(random));
                    driver.WriteConfig(0x10, 0xc0000000);
                    driver.WriteConfig(4, 6);
                    break;
                case 4 or 5:
                    random.NextBytes(noise);
                    _ = driver.Memory.Write(0x100000 + (ulong)random.Next(0xc000), noise.AsSpan(0, random.Next(64)));
                    break;
                case 6:
                    driver.Write(0x3000, 2, 0);
                    break;
                default:
                    Submit(driver, random);
                    break;
            }
        }
    }

    private static void Submit(VirtioDriver driver, Random random)
    {
        try
        {
            driver.Submit(0, Buffers(driver, random), Buffers(driver, random), random.Next(2) == 0, random.Next(4) != 0);
        }
        catch (KeyNotFoundException)
        {
            // The queue was never started.
        }
    }

    private static (ulong, uint)[] Buffers(VirtioDriver driver, Random random)
    {
        var buffers = new (ulong, uint)[random.Next(4)];
        for (int i = 0; i < buffers.Length; i++)
        {
            byte[] header = new byte[random.Next(600)];
            random.NextBytes(header);
            if (header.Length >= 16)
            {
                header.AsSpan(1, 3).Clear();
                header[0] = (byte)random.Next(16);
                header.AsSpan(9, 7).Clear();
            }

            buffers[i] = random.Next(10) == 0 ? (Interesting(random), (uint)Interesting(random)) : driver.Place(header);
        }

        return buffers;
    }

    private static ulong Interesting(Random random) => random.Next(6) switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        2 => (ulong)random.Next(256),
        3 => VirtioDriver.RamSize - (ulong)random.Next(64),
        4 => 1ul << random.Next(64),
        _ => (ulong)random.NextInt64(),
    };
}

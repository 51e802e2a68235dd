using System.Buffers.Binary;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Nvme;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Devices.Fuzz;

/// <summary>
/// An NVMe controller against a hostile driver: queues made and deleted at any moment, commands of every kind with page lists that are right, misaligned, endless, circular or
/// out of RAM, doorbells of queues that are not there, and registers written while it runs.
/// </summary>
public sealed class NvmeFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int Operations = 30_000;
    private const ulong Queues = 0x100000;
    private const ulong Lists = 0x180000;
    private const ulong Buffers = 0x200000;
    private const int BufferPages = 0x200;
    private const int QueueCount = 5;
    private const int Entries = 16;

    private readonly string _path = Path.GetTempFileName();
    private readonly uint[] _tails = new uint[QueueCount];

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(1, false, true, true)]
    [InlineData(2, false, false, true)]
    [InlineData(3, true, true, true)]
    [InlineData(4, false, true, false)]
    [InlineData(5, false, false, false)]
    public void No_command_breaks_the_controller(int seed, bool isReadOnly, bool isInline, bool hasTable)
    {
        File.WriteAllBytes(_path, new byte[1 << 18]);
        using var disk = new DiskImage(_path, isReadOnly);
        NvmeController? controller = null;
        using var driver = new VirtioDriver(d => controller = new NvmeController(disk, "fuzz", 2, d.Memory, d.Machine.Bus, isInline, hasTable));
        var guard = new GuardedMemory(driver.Memory, RingAttack.WindowEnd, VirtioDriver.RamSize);
        Start(driver, new Random(seed));
        new FuzzRun(output).Attack(seed, Operations, random => Step(driver, random), guard.Check);
        controller!.Dispose();
    }

    private void Step(VirtioDriver driver, Random random)
    {
        switch (random.Next(20))
        {
            case 0 when random.Next(4) == 0:
                Start(driver, random);
                break;
            case 1:
                int bytes = 1 << random.Next(4);
                driver.Write(random.Next(0x40), bytes, FuzzRun.Cut(RingAttack.Confined(random), bytes));
                break;
            case 2:
                _ = driver.Read(random.Next(0x2000), 1 << random.Next(4));
                break;
            case 3:
                driver.Write(0x1000 + 4 * random.Next(300), 4, (ulong)random.Next(random.Next(4) == 0 ? int.MaxValue : 2 * Entries));
                break;
            case 4:
                driver.WriteConfig(random.Next(0x100) & ~3, (uint)RingAttack.Confined(random));
                driver.WriteConfig(0x10, (uint)driver.Base);
                driver.WriteConfig(4, random.Next(16) == 0 ? 2u : 6u);
                break;
            case 5:
                WriteList(driver, random);
                break;
            default:
                Submit(driver, random);
                break;
        }
    }

    private void Start(VirtioDriver driver, Random random)
    {
        driver.WriteConfig(4, 6);
        driver.Write(0x14, 4, 0);
        driver.Write(0x24, 4, random.Next(8) == 0 ? (ulong)random.Next() : 0x000f000f);
        driver.Write(0x28, 8, Queue(0));
        driver.Write(0x30, 8, Queue(QueueCount));
        driver.Write(0x14, 4, 0x460001);
        Array.Clear(_tails);
    }

    private static ulong Queue(int index) => Queues + 0x1000 * (ulong)index;

    private static ulong Page(Random random) => Buffers + 0x1000 * (ulong)random.Next(BufferPages);

    /// <summary>A page of pointers: buffers, other lists, itself, and nothing.</summary>
    private static void WriteList(VirtioDriver driver, Random random)
    {
        byte[] list = new byte[4096];
        for (int i = 0; i < 512; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(list.AsSpan(8 * i), random.Next(200) == 0 ? Wrong(random) : Page(random));
        }

        BinaryPrimitives.WriteUInt64LittleEndian(list.AsSpan(4088), List(random));
        Assert.True(driver.Memory.Write(List(random), list));
    }

    private static ulong List(Random random) => Lists + 0x1000 * (ulong)random.Next(8);

    private static ulong Wrong(Random random) => random.Next(3) switch
    {
        0 => Page(random) + (ulong)random.Next(4096),
        1 => VirtioDriver.RamSize + (ulong)random.NextInt64(long.MaxValue),
        _ => ulong.MaxValue - (ulong)random.Next(4096),
    };

    private void Submit(VirtioDriver driver, Random random)
    {
        int queue = random.Next(3) == 0 ? 0 : random.Next(1, QueueCount);
        byte[] entry = new byte[64];
        entry[0] = random.Next(16) == 0 ? (byte)random.Next(256) : (byte)random.Next(13);
        entry[1] = random.Next(40) == 0 ? (byte)random.Next(256) : (byte)0;
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(4), random.Next(8) == 0 ? (uint)random.NextInt64() : 1);
        ulong first = random.Next(20) == 0 ? Wrong(random) : Page(random) + (ulong)(random.Next(4) == 0 ? random.Next(4096) & ~3 : 0);
        ulong second = random.Next(20) == 0 ? Wrong(random) : random.Next(2) == 0 ? Page(random) : List(random) + 8 * (ulong)random.Next(512);
        if (queue == 0)
        {
            Administer(entry, random, ref first);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(40), random.Next(20) == 0 ? (uint)random.NextInt64() : (uint)random.Next(520));
            BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(44), random.Next(40) == 0 ? (uint)random.NextInt64() : 0);
            BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(48), (uint)random.Next(random.Next(8) == 0 ? 0x10000 : 16) | (uint)(random.Next(4) << 29));
        }

        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(24), first);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(32), second);
        Assert.True(driver.Memory.Write(Queue(queue) + 64 * (ulong)_tails[queue], entry));
        _tails[queue] = (_tails[queue] + 1) % Entries;
        driver.Write(0x1000 + 8 * queue, 4, _tails[queue]);
        if (random.Next(8) != 0)
        {
            // The driver takes whatever answers there are, or says so.
            driver.Write(0x1004 + 8 * queue, 4, (ulong)random.Next(Entries));
        }
    }

    private static void Administer(byte[] entry, Random random, ref ulong first)
    {
        uint index = (uint)random.Next(random.Next(16) == 0 ? 0x10000 : QueueCount);
        uint size = (uint)(random.Next(16) == 0 ? random.Next(0x10000) : Entries - 1);
        if (entry[0] is 1 or 5)
        {
            // Rings are where the attack writes; answers have pages of their own.
            bool isCompletion = entry[0] == 5;
            size = Math.Min(size, isCompletion ? 255u : 63);
            first = random.Next(20) == 0 ? VirtioDriver.RamSize - 8 : Queue((int)(index % QueueCount) + (isCompletion ? QueueCount : 0));
            uint more = isCompletion ? (uint)random.Next(4) << 16 : (uint)random.Next(QueueCount) << 16;
            BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(44), more | (uint)(random.Next(16) == 0 ? random.Next(4) : 3));
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(44), (uint)random.Next(4));
            index = random.Next(2) == 0 ? index : (uint)random.Next(16);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(40), index | (size << 16));
    }
}

using System.Reflection;
using BenchmarkDotNet.Attributes;

namespace Jitvmm.Perf.Micro;

/// <summary>Runs every hot path in every setting and counts what this thread allocates: the gate's limit is 0.</summary>
internal static class AllocationGate
{
    private const int WarmUps = 3;
    private const int Runs = 10;

    /// <returns>Whether nothing was allocated.</returns>
    public static bool Run(IEnumerable<Type> benchmarks)
    {
        // A counter that sees nothing would let everything pass.
        object? kept = null;
        if (AllocatedBy(() => kept = new object()) == 0 || kept == null)
        {
            throw new InvalidOperationException("allocations are not counted");
        }

        Console.WriteLine("| hot path | bytes allocated in 10 runs |\n|---|--:|");
        int paths = 0;
        int failing = 0;
        foreach (Type type in benchmarks)
        {
            foreach ((string setting, object instance) in Settings(type))
            {
                Call<GlobalSetupAttribute>(instance);
                foreach (MethodInfo path in type.GetMethods().Where(static method => method.GetCustomAttribute<HotPathAttribute>() != null))
                {
                    long bytes = AllocatedBy(Caller(path, instance));
                    Console.WriteLine($"| {type.Name}.{path.Name}{setting} | {bytes} |");
                    paths++;
                    failing += bytes == 0 ? 0 : 1;
                }

                Call<GlobalCleanupAttribute>(instance);
            }
        }

        Console.WriteLine($"\n{paths} hot paths, {failing} allocate");
        return failing == 0 && paths > 0;
    }

    /// <summary>One instance for each value of its one parameter, if it has one.</summary>
    private static IEnumerable<(string Name, object Instance)> Settings(Type type)
    {
        PropertyInfo? parameter = type.GetProperties().SingleOrDefault(static property => property.GetCustomAttribute<ParamsAttribute>() != null);
        foreach (object? value in parameter?.GetCustomAttribute<ParamsAttribute>()!.Values ?? [null])
        {
            object instance = Activator.CreateInstance(type)!;
            parameter?.SetValue(instance, value);
            yield return (value == null ? "" : $", {value}", instance);
        }
    }

    private static long AllocatedBy(Action run)
    {
        for (int i = 0; i < WarmUps; i++)
        {
            run();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Runs; i++)
        {
            run();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>What a path returns would be boxed by reflection: a delegate of its own type calls it.</summary>
    private static Action Caller(MethodInfo path, object instance) =>
        path.ReturnType == typeof(void)
            ? path.CreateDelegate<Action>(instance)
            : (Action)typeof(AllocationGate).GetMethod(nameof(Dropping), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(path.ReturnType).Invoke(null, [path, instance])!;

    private static Action Dropping<T>(MethodInfo path, object instance)
    {
        Func<T> call = path.CreateDelegate<Func<T>>(instance);
        return () => _ = call();
    }

    private static void Call<TAttribute>(object instance)
        where TAttribute : Attribute
    {
        foreach (MethodInfo method in instance.GetType().GetMethods().Where(static method => method.GetCustomAttribute<TAttribute>() != null))
        {
            method.CreateDelegate<Action>(instance)();
        }
    }
}
